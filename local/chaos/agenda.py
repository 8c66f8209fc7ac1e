"""What is to be done when, on the thread that asks."""

import heapq
import time
from collections.abc import Callable
from itertools import count
from random import Random

Work = Callable[[], None]


class Agenda:
    """Work by the time it is due.

    Args:
        random: Spreads what happens again and again.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._order = count()
        self._due: list[tuple[float, int, Work]] = []

    def add(self, seconds: float, work: Work) -> None:
        """Do something once, so many seconds from now."""
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), work))

    def repeat(self, seconds: float, work: Work) -> None:
        """Do something again and again, on average every so many seconds."""

        def once() -> None:
            work()
            self.add(self._random.uniform(0.5, 1.5) * seconds, once)

        self.add(self._random.uniform(0.1, 1.0), once)

    def step(self) -> None:
        """Do what is due."""
        while self._due and self._due[0][0] <= time.monotonic():
            heapq.heappop(self._due)[2]()

    def clear(self) -> None:
        """Forget everything."""
        self._due.clear()
