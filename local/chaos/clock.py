"""The time of the ticks: it follows the input, and jumps where nobody wants to wait."""

import time
from threading import Lock

from local.chaos.workload import SPEED

WAITING_RATE = 60
"""How many of the pipeline's seconds pass in one real second between the acts: a tick a second."""


class InputClock:
    """Stands at what was sent while input flows; in between it runs on, up to a limit."""

    def __init__(self, start: int) -> None:
        self._lock = Lock()
        self._rate = SPEED
        self._base = self._limit = start
        self._since = time.monotonic()

    @property
    def rate(self) -> float:
        """How many of the pipeline's seconds pass in one real second."""
        return self._rate

    def now(self) -> int:
        """Return the time in unix milliseconds; it never goes back."""
        with self._lock:
            return self._now()

    def follow(self, reached: int) -> None:
        """Stand at what the input has reached."""
        with self._lock:
            self._base = self._limit = max(self._now(), reached)
            self._since, self._rate = time.monotonic(), SPEED

    def run(self, start: int, limit: int) -> None:
        """Go on from `start`, or from now where that is later, and stop at `limit`."""
        with self._lock:
            self._base = max(self._now(), start)
            self._limit = max(self._base, limit)
            self._since, self._rate = time.monotonic(), WAITING_RATE

    def _now(self) -> int:
        passed = int((time.monotonic() - self._since) * 1000 * self._rate)
        return min(self._limit, self._base + passed)
