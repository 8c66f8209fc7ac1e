"""How records arrive: a burst, a trickle, a wave."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, count, takewhile

from aiops.series import SHARDS

MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Course:
    """Records over time.

    Attributes:
        name: What it is called.
        arrivals: Seconds at which records arrive, in order, and the shard of each.
        samples: Samples of each record.
        lasts: Seconds in which something arrives.
    """

    name: str
    arrivals: tuple[tuple[float, int], ...]
    samples: int
    lasts: float

    @property
    def until(self) -> float:
        """Seconds after which nothing is watched any more: time for the last instance to go."""
        return self.lasts + 10 * MINUTE


def burst(
    rate: float, samples: int, lasts: float = 10 * MINUTE, keys: int = SHARDS, seed: int = 0
) -> Course:
    """Return about `rate` samples a second from the first moment, for so long, and then nothing.

    Records come at random moments, as from many senders who know nothing of each other.
    """
    chance = random.Random(seed)
    gaps = (chance.expovariate(rate / samples) for _ in count())
    times = takewhile(lambda time: time < lasts, accumulate(gaps))
    return Course("burst", _spread(times, keys), samples, lasts)


def wave(rate: float, samples: int, period: float = 30 * MINUTE, seed: int = 0) -> Course:
    """Return nothing, then more and more up to `rate`, and back to nothing: a day, shortened."""
    total = rate * period / 2 / samples
    chance = random.Random(seed)
    gaps = (chance.expovariate(total) for _ in count())
    shares = takewhile(lambda share: share < 1, accumulate(gaps))
    times = (_reached(share, period) for share in shares)
    return Course("wave", _spread(times, SHARDS), samples, period)


def scrapes(rate: float, samples: int, period: float, lasts: float = 10 * MINUTE) -> Course:
    """Return as much as a burst, but all of a period at once, as who scrapes sends it."""
    times = (period * each for each in range(round(lasts / period)))
    records = round(rate * period / samples)
    arrivals = tuple((time, index % SHARDS) for time in times for index in range(records))
    return Course("scrapes", arrivals, samples, lasts)


def trickle(period: float, samples: int, records: int = 40) -> Course:
    """Return a record of each shard each `period`, up to a tenth early or late."""
    chance = random.Random(0)
    moments = [max(0.0, period * (each + chance.uniform(-0.1, 0.1))) for each in range(records)]
    arrivals = tuple((moment, shard) for moment in moments for shard in range(SHARDS))
    return Course(f"every {period:.0f} s", arrivals, samples, records * period)


def _spread(times: Iterator[float], keys: int) -> tuple[tuple[float, int], ...]:
    """Return the times with the keys in turn."""
    return tuple((time, index % keys) for index, time in enumerate(times))


def _reached(share: float, period: float) -> float:
    """Return when so much of a wave has arrived: the inverse of t - sin(2 pi t) / 2 pi."""
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        arrived = middle - math.sin(2 * math.pi * middle) / (2 * math.pi)
        low, high = (middle, high) if arrived < share else (low, middle)
    return low * period
