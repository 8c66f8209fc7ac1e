"""What was done to the pipeline, counted."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Damage:
    """What was done.

    Attributes:
        kills: By function: whole functions, process group and all.
        worker_kills: By function: the process that serves requests; its master goes on.
        pauses: By function: its workers stood still, and their requests were delivered again.
        outages: By `server kind`.
        refusals: How often the receiver of one channel was told to answer 503 a few times.
    """

    kills: Counter[str] = field(default_factory=Counter)
    worker_kills: Counter[str] = field(default_factory=Counter)
    pauses: Counter[str] = field(default_factory=Counter)
    outages: Counter[str] = field(default_factory=Counter)
    refusals: int = 0
