"""What `correlate` keeps of one domain, and the only ways to read and change it.

Everything decided from what was read is committed on the condition that nothing in the domain was
committed in between; otherwise the caller reads and decides again.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from aiops.cell import Cell
from aiops.events import (
    ChangeObserved,
    CommandGiven,
    Evidence,
    Join,
    Silenced,
    Similar,
    Status,
    Suspect,
)
from aiops.silences import Silence
from aiops.topology import Topology
from aiops.verdicts import CauseGiven

LISTED = 64
"""Incidents a look lists at most, of each kind."""

KEPT_TOPOLOGIES = 8
"""Topologies and surveys kept, the newest of each."""

KEPT_CHANGES = 1_000

KEPT_PAST = 500
"""Incidents of the past that are kept to compare others with, the latest of them."""


class Firing(BaseModel):
    """An external alert of an incident, and how long it goes on.

    Attributes:
        anomaly: Its id.
        expires_at: When it is over unless its end is told.
        ended_at: When it ended; None where nobody said.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    anomaly: str
    expires_at: int
    ended_at: int | None = None

    @property
    def until(self) -> int:
        """When it is over, as far as is known."""
        return self.expires_at if self.ended_at is None else self.ended_at


class Record(BaseModel):
    """An incident as it is kept.

    Attributes:
        version: Rises with every commit that changes the incident.
        generation: 1, and one more each time a resolved incident is open again.
        spans: Sorted, disjoint `[first, last]` times of its anomalies, split where it was quiet.
        anomalies: How many belong to it.
        evidence: One per series, sorted by series.
        alerts: Its external alerts, sorted by id; they keep it open while they fire.
        orders: The newest command of each kind.
        severity: 1 to 5; until it is judged that of its severest anomaly.
        severity_reasons: Why, in words, the weightiest first.
        notify_from: Time from which people are to be told; None where they need not be, or were.
        merged_into: The incident that took it over, where status is `merged`.
        silences: Those that cover it, the last to end first.
        flapping: Whether it came back again and again of late.
        patience: Milliseconds it has to be quiet longer than others before it is over.
        similar: Incidents of the past that were like it when people were told.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    id: str
    domain: str
    version: int = 0
    generation: int = 1
    status: Status = "open"
    spans: tuple[tuple[int, int], ...]
    anomalies: int
    evidence: tuple[Evidence, ...]
    joins: tuple[Join, ...] = ()
    alerts: tuple[Firing, ...] = ()
    orders: tuple[CommandGiven, ...] = ()
    severity: int = 1
    severity_reasons: tuple[str, ...] = ()
    resolved_at: int | None = None
    notify_from: int | None = None
    notified_at: int | None = None
    root_cause: tuple[Suspect, ...] = ()
    root_cause_at_notification: tuple[Suspect, ...] = ()
    blast_radius: tuple[str, ...] = ()
    merged_into: str | None = None
    silences: tuple[Silenced, ...] = ()
    flapping: bool = False
    patience: int = 0
    similar: tuple[Similar, ...] = ()

    @property
    def opened_at(self) -> int:
        """Time of its first anomaly."""
        return self.spans[0][0]

    @property
    def last(self) -> int:
        """Time of its last anomaly."""
        return self.spans[-1][1]

    @property
    def live(self) -> bool:
        """Whether it is open or acknowledged."""
        return self.status in {"open", "acknowledged"}

    @property
    def last_sign(self) -> int:
        """Time of the last sign that it goes on: an anomaly, or a person's reopening."""
        reopened = (order.given_at for order in self.orders if order.command == "reopen")
        return max(self.last, *reopened, 0)

    @property
    def active_until(self) -> int:
        """When it was or will be quiet from: its last sign, and when its alerts are over."""
        return max(self.last_sign, *(alert.until for alert in self.alerts), 0)


class Past(BaseModel):
    """What is kept of an incident that people were told of and that is over.

    Attributes:
        ended_by: Who said so; empty where it ended by itself.
        marks: What it was made of and how much each weighs, sorted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    incident: str
    title: str
    cause: str | None
    opened_at: int
    resolved_at: int
    ended_by: str
    marks: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """A cell and the incident it was first put in, which may have been merged since."""

    cell: Cell
    incident: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """An anomaly that was taken in, and the incident it was first put in."""

    anomaly: str
    time: int
    incident: str


@dataclass(frozen=True, slots=True, order=True)
class Survey:
    """An observation of who calls whom, and from when what it saw of the calls holds."""

    since: int
    version: str
    observed_at: int


@dataclass(frozen=True, slots=True)
class Query:
    """What to read of the domain.

    Attributes:
        anomalies: Ids to look up.
        now: Incidents people are to be told about by then are listed.
        dirty_before: Incidents changed before then and not yet published are listed.
    """

    now: int
    dirty_before: int
    anomalies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """The domain as it was read.

    Attributes:
        revision: Rises with every commit; see `next_revision`.
        changed: The revision at which the changes were last added to, 0 for never.
        judged: The revision at which a verdict on a cause was last added, 0 for never.
        watermark: The latest time of any anomaly taken in, 0 before the first.
        processed_until: Up to when every sample was processed, as last told.
        placed: Of the anomalies asked for, those taken in, with their incident.
        waiting: Incidents people are to be told about, at most 64.
        overdue: Incidents whose snapshot was not published in time, at most 64.
        topologies: `(valid from, version)` of every topology kept, oldest first.
        surveys: Every survey kept, oldest first.
        silenced: The revision at which silences last changed, 0 for never.
        remembered: The revision at which the incidents of the past last changed, 0 for never.
    """

    revision: int = 0
    watermark: int = 0
    processed_until: int = 0
    changed: int = 0
    placed: Mapping[str, str] = field(default_factory=dict)
    waiting: tuple[str, ...] = ()
    overdue: tuple[str, ...] = ()
    topologies: tuple[tuple[int, str], ...] = ()
    surveys: tuple[Survey, ...] = ()
    judged: int = 0
    silenced: int = 0
    remembered: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """An incident as it is kept, and what of it was published.

    Attributes:
        dirty: Its present version was not yet published.
        told: The highest generation of which a snapshot was published, 0 for none.
    """

    record: Record
    dirty: bool
    told: int


@dataclass(frozen=True, slots=True)
class Horizon:
    """Times before which things are forgotten, once they are no longer of use."""

    anomalies: int
    cells: int
    incidents: int
    redirects: int
    past: int = 0


@dataclass(frozen=True, slots=True)
class Commit:
    """A change of the domain, all of it or nothing.

    Attributes:
        revision: The one everything was decided on.
        now: The clock's time, from which the wait for publication counts.
        records: Incidents that changed; each is to be published.
        topology: A topology and the time from which it holds.
        survey: What was seen of the calls of a topology.
        changes: Deploys and the like to remember.
        causes: Verdicts on causes; each is kept unless there is a later one on the same incident.
        silences: What is known of silences now, in place of what was known of the same ids.
        lapsed: Ids of silences to forget.
        past: What to keep of incidents of the past.
        undone: Incidents that are not of the past any more.
    """

    revision: int
    now: int
    watermark: int
    processed_until: int
    horizon: Horizon
    sightings: tuple[Sighting, ...] = ()
    cells: tuple[Placed, ...] = ()
    records: tuple[Record, ...] = ()
    topology: tuple[int, Topology] | None = None
    survey: tuple[Survey, Topology] | None = None
    changes: tuple[ChangeObserved, ...] = ()
    causes: tuple[CauseGiven, ...] = ()
    silences: tuple[Silence, ...] = ()
    lapsed: tuple[str, ...] = ()
    past: tuple[Past, ...] = ()
    undone: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit came to.

    Attributes:
        revision: The domain's new one.
        told: Of the incidents that changed, the highest generation published, 0 for none.
    """

    revision: int
    told: Mapping[str, int] = field(default_factory=dict)


def next_revision(revision: int, now: int) -> int:
    """Return the revision of a commit decided on this one, at this time of the clock.

    It follows the clock, so that a store that lost its latest commits does not give one out twice:
    who knows the domain as of a revision knows it as it is while that is its revision.
    """
    return max(revision + 1, now)


class IncidentStore(Protocol):
    """The state of one domain. Every method may raise `Unavailable`."""

    def look(self, query: Query) -> View:
        """Read the revision first, then everything a decision starts from."""

    def cells(self, spans: Sequence[tuple[int, int]]) -> tuple[Placed, ...]:
        """Return the cells whose time lies in one of these spans, both ends included.

        The spans are disjoint.
        """

    def moved(self, incidents: Collection[str]) -> Mapping[str, str]:
        """Return where merged ones of these went, every redirect on the way included."""

    def incidents(self, incidents: Collection[str]) -> Mapping[str, Held]:
        """Return those of these that are known."""

    def quiet(self, before: int, limit: int) -> tuple[str, ...]:
        """Return open incidents active last before that time, the longest quiet first.

        One that has to be quiet for longer counts as active for so much longer.
        """

    def ended(self, limit: int) -> tuple[str, ...]:
        """Return incidents that are over or merged, that with the latest anomaly first."""

    def changes(self, since: int, until: int) -> tuple[ChangeObserved, ...]:
        """Return the changes observed in that time, both ends included, oldest first."""

    def causes(self) -> tuple[CauseGiven, ...]:
        """Return the verdicts on causes, in the order they were given."""

    def silences(self) -> tuple[Silence, ...]:
        """Return what is known of silences, sorted by id."""

    def past(self) -> tuple[Past, ...]:
        """Return the incidents of the past, the one that ended first first."""

    def topology(self, version: str) -> Topology:
        """Return a topology listed by `look`; an empty one where it is gone."""

    def surveyed(self, topology: Topology, survey: Survey) -> Topology:
        """Return a topology with what a survey saw of its calls.

        As it was where the survey is gone, or was one of another version.
        """

    def commit(self, commit: Commit) -> Committed | None:
        """Make the change; None, and nothing done, where the revision has moved on."""

    def published(self, records: Collection[Record]) -> None:
        """Note that these were published; each stays dirty if its version has changed since."""
