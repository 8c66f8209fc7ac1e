"""What a channel is: how a step becomes a message, and how the message reaches its receiver."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol
from urllib.parse import urlsplit

from aiops.action_log import Step
from aiops.errors import Misconfigured
from aiops.events import Incident
from functions.act.answer import Answer

Payload = dict[str, Any]
Repeat = Literal["same_state", "same_id", "visible"]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
_LOOPBACK = frozenset(("127.0.0.1", "::1", "localhost"))


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request; what it holds is kept out of its text form, as some of it is secret.

    Attributes:
        channel: Who sends it.
        retry: Status codes this receiver means as "again later", besides the usual ones.
        secrets: What must not come back in a reason, should the receiver echo it.
        reads: How many bytes of an answer that is no error are wanted.
    """

    channel: str
    url: str = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    retry: frozenset[int] = frozenset()
    secrets: tuple[str, ...] = field(default=(), repr=False)
    method: Method = "POST"
    content_type: str = "application/json"
    reads: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is to be told now.

    Attributes:
        step: What is told; `step.possible_repeat` says whether it may have been told before.
        incident: The snapshot it speaks of.
        sent_at: The real unix time in seconds.
        receipt: What this channel noted of earlier deliveries about the incident, in `Answer`s;
            empty at first.
    """

    step: Step
    incident: Incident
    sent_at: int
    receipt: Mapping[str, str] = field(default_factory=dict)


class Http(Protocol):
    """The calls of one delivery, which all have to end by the same time."""

    def call(self, request: Request) -> Answer:
        """Make one call and return what became of it; never raises for what a receiver does.

        Redirects are not followed. Once the time of the delivery is over nothing is sent any more,
        and the answer is `retry`.
        """

    def left(self) -> float:
        """Return the seconds until the delivery must have ended, 0 once it must."""


class Channel(Protocol):
    """One kind of receiver.

    Attributes:
        needs: Settings without which it is off.
        takes: Settings with a value where nothing is set.
        repeat: What a message sent twice does: `same_state`, the receiver keeps a state under the
            incident's key; `same_id`, it can recognise the repeat; `visible`, it is shown twice.
    """

    needs: ClassVar[tuple[str, ...]]
    takes: ClassVar[Mapping[str, str]]
    repeat: ClassVar[Repeat]

    def __init__(self, values: Mapping[str, str]) -> None:
        """Take the settings named by `needs` and `takes`.

        Raises:
            Misconfigured: one is wrong; the message names it, never its value.
        """

    def deliver(self, delivery: Delivery, http: Http) -> Answer:
        """Tell the receiver, within its every limit, and return what became of it.

        Where it takes several calls and one of the later fails, the answer is that of the call that
        failed, with `may_have_arrived` only if the message itself may have been shown. What the
        earlier ones achieved and the next delivery needs goes into its `receipt`.
        """


def address(values: Mapping[str, str], name: str, *, plain: bool = False) -> str:
    """Return a setting that is an address: https, or http on this machine or where `plain`.

    Raises:
        Misconfigured: it is neither.
    """
    try:
        parts = urlsplit(values[name])
        _ = parts.port
    except ValueError:
        raise Misconfigured(f"{name}: expected an address with https://") from None
    schemes = {"https", "http"} if plain or parts.hostname in _LOOPBACK else {"https"}
    if not parts.hostname or parts.scheme not in schemes:
        raise Misconfigured(f"{name}: expected an address with https://")
    return values[name]
