"""What a channel is: how a step becomes a message, and how the message becomes a request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol
from urllib.parse import urlsplit

from aiops.action_log import Step
from aiops.errors import Misconfigured
from aiops.events import Incident

Payload = dict[str, Any]
Repeat = Literal["same_state", "same_id", "visible"]
_LOOPBACK = frozenset(("127.0.0.1", "::1", "localhost"))


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP POST of JSON; what it holds is kept out of its text form, as some of it is secret.

    Attributes:
        retry: Status codes this receiver means as "again later", besides the usual ones.
        secrets: What must not come back in a reason, should the receiver echo it.
    """

    channel: str
    url: str = field(repr=False)
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    retry: frozenset[int] = frozenset()
    secrets: tuple[str, ...] = field(default=(), repr=False)


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

    def render(self, step: Step, incident: Incident) -> Payload:
        """Return the message for a step, within every limit of the receiver."""

    def request(self, payload: Payload, step: Step, sent_at: int) -> Request:
        """Return the request that carries a message; `sent_at` is the real unix time in seconds."""


def address(values: Mapping[str, str], name: str, *, plain: bool = False) -> str:
    """Return a setting that is an address: https, or http on this machine or where `plain`.

    Raises:
        Misconfigured: it is neither.
    """
    parts = urlsplit(values[name])
    schemes = {"https", "http"} if plain or parts.hostname in _LOOPBACK else {"https"}
    if not parts.hostname or parts.scheme not in schemes:
        raise Misconfigured(f"{name}: expected an address with https://")
    return values[name]
