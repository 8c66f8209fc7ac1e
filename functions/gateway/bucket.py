"""How much is taken from one sender: a bucket of tokens that fills at a rate."""

import threading
from collections.abc import Callable


class TokenBucket:
    """Gives out tokens; safe between threads.

    Args:
        rate: Tokens a second.
        burst: Tokens it holds at most, and to begin with.
        timer: Seconds that only rise.
    """

    def __init__(self, rate: float, burst: int, timer: Callable[[], float]) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._timer = timer
        self._held = self._burst
        self._since = timer()
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Take a token, or return False where there is none."""
        with self._lock:
            now = self._timer()
            self._held = min(self._burst, self._held + (now - self._since) * self._rate)
            self._since = now
            if self._held < 1:
                return False
            self._held -= 1
            return True
