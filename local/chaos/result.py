"""What a run came to: what is compared, and what happened on the way."""

from dataclasses import dataclass, field

from local.chaos.damage import Damage
from local.chaos.outcome import Outcome
from local.delivery.counters import Counts


@dataclass(slots=True)
class Result:
    """What a run came to.

    Attributes:
        unsettled: What did not come to rest in time, empty if everything did.
        seconds: Real time of each phase by name.
        delivery: Delivery's counts by source, Trigger and PingSource.
        links: What the proxies did, by link.
        redelivered: What was delivered on purpose, by kind.
    """

    outcome: Outcome
    damage: Damage
    unsettled: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    delivery: dict[str, Counts] = field(default_factory=dict)
    links: dict[str, dict[str, int]] = field(default_factory=dict)
    redelivered: dict[str, int] = field(default_factory=dict)
    events: int = 0
    samples: int = 0
    input_seconds: float = 0.0
    servers: tuple[str, ...] = ()
    instances: dict[str, int] = field(default_factory=dict)
