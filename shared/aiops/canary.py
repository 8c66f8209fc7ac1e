"""The canary: a sample that is sent to see whether its incident comes out at the other end.

Nobody is told of it: its anomaly is one, and barely over its limit. Each has a service of its own,
so that no two make something worth telling.
"""

from aiops.batching import Reading, batches
from aiops.events import SeriesHead
from aiops.ports import Message
from aiops.series import SeriesMap

METRIC = "aiops_canary"
"""A series of this name has a rule of its own in `detect`, whose limit is 0."""

_SOURCE = "/aiops/canary"
_BARELY_OVER = 0.001


def service_of(run: str) -> str:
    """Return the service that a canary pretends to be."""
    return f"aiops-canary-{run}"


def canary(run: str, now: int) -> tuple[Message, ...]:
    """Return what is to be published.

    Args:
        run: A text no other canary has, letters and digits.
        now: Unix milliseconds.
    """
    head = SeriesHead(metric=METRIC, labels={"service": service_of(run)})
    return tuple(batches([Reading(head, now, _BARELY_OVER)], SeriesMap(), _SOURCE, now))
