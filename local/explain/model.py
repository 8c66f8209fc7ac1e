"""What there is to explain about an incident, and the explanation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from aiops.action_log import ActionRecord
from aiops.events import ChangeObserved, Evidence, Incident
from aiops.topology import Topology
from functions.correlate.config import CorrelateConfig


@dataclass(frozen=True, slots=True)
class Curve:
    """A series around an incident, with what its detector expected of it.

    Attributes:
        time: Unix milliseconds, rising.
        value: As many.
        expected: As many; nan where nothing was expected yet.
        lower: As many.
        upper: As many.
        alarms: Times at which it alarmed.
        note: What the band is, in words.
    """

    time: tuple[int, ...]
    value: tuple[float, ...]
    expected: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    alarms: tuple[int, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Material:
    """All that an explanation is made from.

    Attributes:
        incident: Its latest snapshot.
        evidence: All that is kept of it, which may be more than the snapshot lists.
        topology: Who called whom.
        changes: Deploys and the like that its ranking knew of, oldest first.
        config: What linked and ranked.
        response: What was planned and sent; None where that is not known.
        curves: By the key of the series, where its samples are known.
    """

    incident: Incident
    evidence: tuple[Evidence, ...]
    topology: Topology
    changes: tuple[ChangeObserved, ...] = ()
    config: CorrelateConfig = field(default_factory=CorrelateConfig)
    response: ActionRecord | None = None
    curves: Mapping[str, Curve] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened.

    Attributes:
        kind: `change`, `anomaly`, `told` (worth telling), `sent`, `acknowledged`, `resolved`,
            `merged`, `silence` or `more`.
        more: How many like it are not listed.
    """

    time: int
    kind: str
    where: str
    words: str
    more: int = 0


@dataclass(frozen=True, slots=True)
class Joined:
    """Why a series is part of the incident."""

    time: int
    service: str
    metric: str
    anomalies: int
    words: str


@dataclass(frozen=True, slots=True)
class Accused:
    """A suspect, and what speaks for and against its being the cause.

    Attributes:
        share: Its score as a part of the highest, 0 to 1.
        because: The ranker's reasons, the weightiest first.
        against: What speaks against it.
    """

    service: str
    metric: str
    score: float
    share: float
    because: tuple[str, ...]
    against: tuple[str, ...]
    confidence: float | None = None
    confidence_reason: str = ""


Part = Literal["suspect", "anomalous", "may feel it", "near"]


@dataclass(frozen=True, slots=True)
class Node:
    """A service as the map shows it.

    Attributes:
        rank: Of a suspect, from 1; 0 for others.
        column: From the left, callers before those they call.
        row: From the top of its column.
    """

    service: str
    part: Part
    rank: int
    column: int
    row: int


@dataclass(frozen=True, slots=True)
class Chart:
    """The neighbourhood of an incident in the topology.

    Attributes:
        calls: Between services that are shown.
        known: How many services the topology has.
        left_out: How many of each part are not shown.
    """

    nodes: tuple[Node, ...] = ()
    calls: tuple[tuple[str, str], ...] = ()
    known: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reached:
    """A service that may feel it.

    Attributes:
        hops: Calls between it and the first suspect; None where that is not known.
        share: Of its requests those that depend on the suspect; None where that is not known.
    """

    service: str
    hops: int | None
    share: float | None
    anomalous: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """A step of the response, taken or not, and why.

    Attributes:
        until: When it is tried, or thought of again; None where it is not.
        route: The route that leads to the channel; empty where there are none.
    """

    time: int | None
    channel: str
    kind: str
    state: str
    reason: str
    result: str = ""
    until: int | None = None
    route: str = ""


@dataclass(frozen=True, slots=True)
class Likeness:
    """An incident of the past like this one."""

    incident: str
    title: str
    cause: str | None
    opened_at: int
    minutes: int
    similarity: float
    ended: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A series as it is shown: when it was anomalous, its strongest sample, and its curve."""

    key: str
    service: str
    where: str
    metric: str
    labels: tuple[tuple[str, str], ...]
    role: str
    first: int
    last: int
    anomalies: int
    peak_at: int
    value: float
    expected: float
    lower: float
    upper: float
    detector: str
    reason: str
    rank: int
    curve: Curve | None


@dataclass(frozen=True, slots=True)
class Headline:
    """What comes first."""

    id: str
    title: str
    domain: str
    version: int
    generation: int
    status: str
    severity: int
    severity_word: str
    severity_reasons: tuple[str, ...]
    opened_at: int
    last_at: int
    notified_at: int | None
    resolved_at: int | None
    anomalies: int
    series: int
    services: int
    marks: tuple[str, ...]
    acknowledged_by: str = ""
    resolved_by: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """An incident explained. Every text is on one line, printable and bounded."""

    headline: Headline
    summary: str
    timeline: tuple[Moment, ...]
    joins: tuple[Joined, ...]
    joins_left_out: int
    suspects: tuple[Accused, ...]
    then: str
    what_if: tuple[str, ...]
    reach: tuple[Reached, ...]
    reach_left_out: int
    steps: tuple[Taken, ...]
    similar: tuple[Likeness, ...]
    series: tuple[Shown, ...]
    series_left_out: int
    chart: Chart
