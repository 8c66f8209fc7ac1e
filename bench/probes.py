"""Probes: one lonely anomaly after the other, to see how long each takes to become an incident."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

PREFIX = "probe-"
MOST = 600
EVERY_SECONDS = 0.25


@dataclass(slots=True)
class Probes:
    """Sends a probe four times a second, each about a service of its own; a context manager.

    Attributes:
        send: Publishes what makes an anomaly of a service; returns once the broker has it.
        sent: Service to the time just before it was sent.
    """

    send: Callable[[str], None]
    sent: dict[str, float] = field(default_factory=dict)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Begin."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop; what is being sent is sent."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(20)

    def between(self, first: float, last: float) -> list[str]:
        """Return the services probed in a time."""
        return [name for name, at in list(self.sent.items()) if first <= at < last]

    def _run(self) -> None:
        due = time.monotonic()
        for name in services():
            if self._stopping.wait(max(0.0, due - time.monotonic())):
                return
            self.sent[name] = time.monotonic()
            self.send(name)
            due += EVERY_SECONDS


def services() -> list[str]:
    """Return the names of services that nobody calls, more than are ever probed."""
    return [f"{PREFIX}{number:03}" for number in range(MOST)]
