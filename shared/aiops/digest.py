"""What a receiver's desk knows: who asked to be told of there, and what its digest holds."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from aiops.events import Milliseconds, Severity
from aiops.ids import derive

MOST_MEMBERS = 200
"""Incidents in a digest; those that are over and told make room first, then the oldest told."""

MOST_ADMITTED = 1_000
"""Incidents whose place in a burst is remembered."""


class Admitted(BaseModel):
    """One incident's place in a burst, given once.

    Attributes:
        key: The incident and its generation.
        at: When it asked.
        place: 1 for the first within the window that ends then.
        grouped: Why it is told in a digest; empty where it is told singly.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    key: str
    at: Milliseconds
    place: int
    grouped: str = ""


class Member(BaseModel):
    """An incident in a digest, as its latest step there says.

    Attributes:
        version: Of the snapshot that step speaks of.
        service: The likeliest cause, or the first anomalous service.
        joined_at: When it came in.
        why: Why it is told in a digest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    incident: str
    domain: str
    generation: int
    version: int
    title: str
    service: str
    severity: Severity
    anomalies: int
    status: Literal["open", "acknowledged", "resolved", "merged"]
    opened_at: Milliseconds
    joined_at: Milliseconds
    updated_at: Milliseconds
    why: str

    @property
    def over(self) -> bool:
        """Whether it is over."""
        return self.status in {"resolved", "merged"}


class Gone(BaseModel):
    """An incident that was in a digest which is over, so that a late word does not bring it back.

    Attributes:
        at: When the digest was over.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    incident: str
    version: int
    at: Milliseconds


class Desk(BaseModel):
    """What is known across the incidents one receiver is told of.

    Attributes:
        receiver: Its name; empty for the desk that counts all that begins in a domain.
        number: Of the digest, from 1; one more each time all it held is over.
        members: What the digest holds, in the order it came in.
        joined: How many came into this digest so far.
        told: How many of them the last message planned for it knew of.
        waiting_since: When the first came in that no message knows of; None for none.
        gone: What earlier digests held, for an hour.
        admitted: Who asked, in that order.
        storm_until: When the storm is over, if nothing more begins; 0 where there was none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    receiver: str
    number: int = 1
    members: tuple[Member, ...] = ()
    joined: int = 0
    told: int = 0
    waiting_since: Milliseconds | None = None
    gone: tuple[Gone, ...] = ()
    admitted: tuple[Admitted, ...] = ()
    storm_until: Milliseconds = 0


def desk_id(receiver: str) -> str:
    """Return the id of the record of a receiver's desk; it is also the key of its digests."""
    return derive("desk", receiver)


def storm_id(domain: str) -> str:
    """Return the id of the record that counts what begins in a domain."""
    return derive("storm", domain)
