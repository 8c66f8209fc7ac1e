"""Waiting for what other processes do."""

import time
from collections.abc import Callable


def until(satisfied: Callable[[], bool], seconds: float = 45.0) -> None:
    deadline = time.monotonic() + seconds
    while not satisfied():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)
