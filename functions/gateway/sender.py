"""What a sender is: how it is believed, and what its words mean."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from aiops.alerts import AlertMap
from aiops.errors import AiopsError
from aiops.ports import Counts, Message
from aiops.series import SeriesMap


class Forged(AiopsError):
    """Nobody who knows the secret sent this, or not now."""


@dataclass(frozen=True, slots=True)
class Request:
    """A POST as it came.

    Attributes:
        headers: Lower case names; what they hold may be anything.
        body: Raw bytes, at most as many as the sender may send.
        received_at: The pipeline's time, unix milliseconds.
        unix_ms: Real time, which is what senders sign.
    """

    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    received_at: int
    unix_ms: int

    def at(self, unix_ms: int) -> int:
        """Return a moment of the world outside in the pipeline's time, none after the arrival."""
        return max(0, self.received_at - max(0, self.unix_ms - unix_ms))


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a request says.

    Attributes:
        messages: In the order in which they are published; none where there is nothing to pass on.
        name: What it is remembered by, so that it has no second effect; empty where a repeat says
            nothing new anyway.
        counts: What was passed over, by reason.
    """

    messages: tuple[Message, ...] = ()
    name: str = ""
    counts: Counts = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Place:
    """What senders are told of this installation.

    Attributes:
        domain: Whose telemetry it looks after.
        series: How labels name the service.
        alerts: How alerts of others are read.
    """

    domain: str
    series: SeriesMap = field(default_factory=SeriesMap)
    alerts: AlertMap = field(default_factory=AlertMap)


class Sender(Protocol):
    """One kind of sender.

    Attributes:
        secrets: The variable that holds its secrets, any of which is accepted.
        max_bytes: What a body may hold.
        seconds: Within which it is answered, below what the sender waits.
        malformed: The status for a request that is believed but makes no sense.
        remembered: Milliseconds for which a delivery's name is kept.
    """

    secrets: ClassVar[str]
    max_bytes: ClassVar[int]
    seconds: ClassVar[float]
    malformed: ClassVar[int]
    remembered: ClassVar[int]

    def __init__(self, secrets: str, place: Place) -> None:
        """Take the secrets as they are written.

        Raises:
            Misconfigured: one is wrong; the message names the variable, never its value.
        """

    def verify(self, request: Request) -> None:
        """Return where a request comes from who it says, looking at nothing but bytes.

        Raises:
            Forged: it does not, or not now.
        """

    def translate(self, request: Request) -> Delivery:
        """Return what a verified request says.

        Raises:
            Rejected: it makes no sense; the message quotes nothing of it.
        """
