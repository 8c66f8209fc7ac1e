"""The one clock: everything that asks for the time asks here, so that time can be scaled."""

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from aiops.errors import Misconfigured


class Clock(Protocol):
    """Where `now` comes from."""

    @property
    def rate(self) -> float:
        """How many of the pipeline's seconds pass in one real second."""

    def now(self) -> int:
        """Return the time in unix milliseconds."""


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's own time."""

    rate: float = 1.0

    def now(self) -> int:
        """Return the time in unix milliseconds."""
        return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class ScaledClock:
    """A time that began at `origin_ms` when the machine's was `wall_ms`, and runs `rate` as fast.

    Several processes given the same three numbers agree on the time.
    """

    wall_ms: int
    origin_ms: int
    rate: float

    def now(self) -> int:
        """Return the scaled time in unix milliseconds."""
        elapsed = time.time_ns() // 1_000_000 - self.wall_ms
        return self.origin_ms + int(elapsed * self.rate)

    @classmethod
    def parse(cls, text: str) -> "ScaledClock":
        """Read `WALL,ORIGIN,RATE`: two unix times in seconds and a factor above 0.

        Raises:
            Misconfigured: the text does not hold three such numbers.
        """
        wall = origin = rate = 0.0
        with suppress(ValueError):
            wall, origin, rate = (float(part) for part in text.split(","))
        if not 0 < rate < float("inf"):
            raise Misconfigured(f"AIOPS_CLOCK: expected 'wall,origin,rate', got {text!r}")
        return cls(int(wall * 1000), int(origin * 1000), rate)

    def __str__(self) -> str:
        """Return the text that `parse` reads."""
        return f"{self.wall_ms / 1000},{self.origin_ms / 1000},{self.rate}"


@dataclass(slots=True)
class ManualClock:
    """A time that moves only when told to: replay and tests."""

    ms: int = 0
    rate: float = 1.0

    def now(self) -> int:
        """Return the time last set, in unix milliseconds."""
        return self.ms
