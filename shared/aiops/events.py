"""Facts on the wire: the data of every CloudEvent type, frozen and strict.

Times are unix milliseconds. Every model refuses fields it does not know.
"""

import operator
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

YEAR_10000 = 253_402_300_800_000
"""Calendars end here: a later time cannot be written as RFC 3339."""

SEVERITY_CUTS = (0.3, 0.5, 0.7, 0.9)
"""Scores at which the severity of an anomaly rises from 1 to 2, 3, 4 and 5."""

Milliseconds = Annotated[int, Field(ge=0, lt=YEAR_10000)]
Integer = Annotated[int, Field(ge=-(1 << 63), lt=1 << 63)]
Count = Annotated[int, Field(ge=0, lt=1 << 53)]
Rate = Annotated[float, Field(ge=0)]
Severity = Annotated[int, Field(ge=1, le=5)]
Labels = dict[str, str]
Name = Annotated[str, Field(max_length=2_048)]
Id = Annotated[str, Field(pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
TraceId = Annotated[str, Field(min_length=1, max_length=64)]
SeriesKey = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
Verdict = Literal["anomaly", "expected", "not_anomaly", "new_trend", "withdrawn"]
Role = Literal["saturation", "latency", "errors", "traffic", "edge_client", "edge_server", "other"]


class Fact(BaseModel):
    """The data of a CloudEvent.

    Attributes:
        type: The CloudEvents `type` it travels under, unless it has several.
    """

    # A gap in samples is NaN, and stays NaN on the wire.
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, ser_json_inf_nan="constants"
    )
    type: ClassVar[str]


class SeriesHead(BaseModel):
    """What names a series: its metric and labels, and how its values are to be read."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    metric: str = Field(min_length=1)
    labels: Labels = Field(default_factory=dict)
    kind: Literal["gauge", "counter"] = "gauge"


class Samples(Fact):
    """Samples of several series, in columns: `[index into series, time, value]` each.

    A value may be NaN or infinite here: a gap is not a broken batch.

    Attributes:
        series: What the samples are of.
        samples: One each.
        exemplars: Index into samples, and the id of a trace that had a part in it.
    """

    type = "dev.aiops.samples.v1"
    series: tuple[SeriesHead, ...]
    samples: tuple[tuple[Integer, Integer, float], ...]
    exemplars: tuple[tuple[Integer, TraceId], ...] = Field(default=(), exclude_if=operator.not_)


class Alert(BaseModel):
    """How long somebody else's alert goes on, as far as it says.

    Attributes:
        expires_at: When it is over unless it is told again; None where it does not say.
        ended_at: When it was resolved; None while it fires.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    expires_at: Milliseconds | None = None
    ended_at: Milliseconds | None = None


TELLERS = frozenset({"kubernetes_events", "log_template"})
"""Detectors of what somebody says and nobody measured; alerts of others say so themselves."""


class Anomaly(BaseModel):
    """One sample that its detector did not expect, or an alert of somebody else's.

    An alert has no values: it is 1 where 0 is usual, as in the series `ALERTS` of Prometheus.

    Attributes:
        id: uuid5 of domain, detector, series and time.
        series: Key of the series, 32 hexadecimal digits.
        edge: `(client, server)` where the metric measures a call between two services.
        evidence: The detector's own, above `alarm_line`.
        score: 1 - alarm_line/evidence, 0 to 1.
        template: Id of the log template, where the series counts one.
        alert: What an external alert says of its end; None for what was detected here.
        exemplars: Ids of traces that had a part in it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
    id: str
    domain: str
    series: str
    metric: str
    labels: Labels
    service: str
    role: Role
    edge: tuple[str, str] | None = None
    time: Milliseconds
    value: float
    expected: float
    lower: float
    upper: float
    detector: str
    evidence: float = Field(ge=0)
    alarm_line: float = Field(gt=0)
    score: float = Field(ge=0, le=1)
    severity: Severity
    reason: str
    template: str | None = None
    alert: Alert | None = None
    exemplars: tuple[TraceId, ...] = Field(default=(), exclude_if=operator.not_)

    @property
    def told(self) -> bool:
        """Whether somebody said so in words, and its value measures nothing."""
        return self.alert is not None or self.detector in TELLERS


class AnomaliesDetected(Fact):
    """Anomalies of one domain."""

    type = "dev.aiops.anomalies.detected.v1"
    anomalies: tuple[Anomaly, ...]


class Evidence(BaseModel):
    """What one series contributes to an incident: its strongest anomaly and the span of all.

    Attributes:
        first: Time of the first anomaly.
        last: Time of the last anomaly.
        count: Anomalies of this series in the incident.
        peak: The strongest one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    first: Milliseconds
    last: Milliseconds
    count: Count
    peak: Anomaly


class Suspect(BaseModel):
    """A service that may be the cause.

    Attributes:
        score: The ranker's own, comparable within one ranking, 0 and up.
        metric: The metric that speaks most against it.
        reasons: Why, in words, the weightiest first.
        confidence: How often a suspect like this was the cause, by people's verdicts, 0 to 1; None
            where there are too few of them to say.
        confidence_reason: What that rests on, in words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    service: str
    metric: str
    score: float
    reasons: tuple[str, ...]
    confidence: float | None = Field(default=None, ge=0, le=1)
    confidence_reason: str = ""


class Join(BaseModel):
    """Why an anomaly belongs to an incident: the cell it shares a link with, and in what way."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    service: str
    linked_to: str
    time: Milliseconds
    weight: float
    reason: str


Status = Literal["open", "acknowledged", "resolved", "merged"]


class Silenced(BaseModel):
    """A silence that covers an incident: from `starts` until before `ends` nobody is told of it.

    Attributes:
        silence: Its id; the incident's own where it was given for this incident alone.
        given_by: Who wished it, or what opened it.
        reason: Why, in words; may be empty.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    silence: str
    starts: Milliseconds
    ends: Milliseconds
    given_by: str
    reason: str = ""


class Similar(BaseModel):
    """An incident of the past with much of the same evidence.

    Attributes:
        incident: Its id.
        cause: The service that ranked first in the end; None where there was no suspect.
        similarity: The share of evidence both have in common, above 0, at most 1.
        ended_by: Who said that it is over; empty where it ended by itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    incident: str
    title: str
    cause: str | None = None
    opened_at: Milliseconds
    resolved_at: Milliseconds
    similarity: float = Field(gt=0, le=1)
    ended_by: str = ""


class Incident(Fact):
    """A snapshot of an incident; of two, the one with the higher version counts.

    Attributes:
        id: uuid5 of the domain and the founding anomaly.
        version: Rises with every change; not dense.
        generation: 1, and one more each time it is reopened.
        updated_at: Time of the last anomaly, command or resolution.
        severity_reasons: Why it is that severe, in words, the weightiest first.
        notified_at: When it became worth telling people; None until then.
        root_cause_at_notification: The suspects as they stood at that time.
        anomalies: How many belong to it.
        evidence: The strongest series first, at most 50 of them.
        blast_radius: Services that may be affected: those that call the suspect, near first.
        merged_into: The incident that took it over, where status is `merged`.
        silences: Those that cover it at any time of its life, the last to end first, at most 8.
        flapping: Whether it came back again and again of late; it then ends later than others.
        acknowledged_by: Who took on what goes on now, or went on in the end; empty for nobody.
        resolved_by: Who said that it is over; empty where it goes on or ended by itself.
        similar: Incidents of the past like it when people were to be told, the most alike first.
    """

    type = "dev.aiops.incident.updated.v1"
    id: str
    domain: str
    version: Count
    generation: Count = 1
    status: Status
    title: str
    severity: Severity
    severity_reasons: tuple[str, ...] = ()
    opened_at: Milliseconds
    updated_at: Milliseconds
    resolved_at: Milliseconds | None = None
    notified_at: Milliseconds | None = None
    services: tuple[str, ...]
    anomalies: Count
    evidence: tuple[Evidence, ...]
    joins: tuple[Join, ...] = ()
    root_cause: tuple[Suspect, ...] = ()
    root_cause_at_notification: tuple[Suspect, ...] = ()
    blast_radius: tuple[str, ...] = ()
    merged_into: str | None = None
    silences: tuple[Silenced, ...] = ()
    flapping: bool = False
    similar: tuple[Similar, ...] = ()
    acknowledged_by: str = ""
    resolved_by: str = ""


INCIDENT_TYPES = tuple(
    f"dev.aiops.incident.{word}.v1" for word in ("opened", "updated", "resolved", "merged")
)


class ActionFinished(Fact):
    """A step of the response that has come to an end.

    Attributes:
        step: uuid5 of incident, generation, channel, kind and level.
        outcome: `done`, `failed` (refused for good) or `dropped` (no longer wanted).
    """

    type = "dev.aiops.action.finished.v1"
    step: str
    incident: str
    channel: str
    kind: str
    outcome: Literal["done", "failed", "dropped"]
    reason: str
    finished_at: Milliseconds


class FeedbackGiven(Fact):
    """A person's verdict on an anomaly; a later one on the same anomaly replaces it.

    Attributes:
        anomaly: Its id.
        series: Key of its series.
        time: When it was.
        detector: What found it.
        evidence: The detector's own.
        verdict: `withdrawn` takes back what was said of this anomaly.
    """

    type = "dev.aiops.feedback.given.v1"
    anomaly: str
    series: SeriesKey
    time: Milliseconds
    detector: str
    evidence: float = Field(ge=0)
    verdict: Verdict
    given_by: str
    given_at: Milliseconds


class CauseJudged(Fact):
    """A person's verdict on the root cause of an incident; a later one replaces it.

    Attributes:
        incident: Its id.
        cause: The service that was the cause; None where it was none of the suspects, nor is it
            known which.
    """

    type = "dev.aiops.cause.judged.v1"
    incident: str
    cause: Name | None = Field(default=None, min_length=1)
    given_by: str
    given_at: Milliseconds


class TrainingRequested(Fact):
    """A series wants a model.

    Attributes:
        series: Key of the series.
        detector: What to fit: `auto`, `prophet`, `isolation_forest` or `luminaire`.
        params: What to fit it with.
        reason: Why now: it reached its `history`, its model reached its `age`, `drift`,
            `new_trend` (only what came since counts), or somebody's `wish`.
        since: Where given, history before this time does not count.
    """

    type = "dev.aiops.training.requested.v1"
    series: SeriesKey
    head: SeriesHead
    detector: str
    params: dict[str, JsonValue] = Field(default_factory=dict)
    reason: Literal["history", "age", "drift", "new_trend", "wish"]
    since: Milliseconds = 0
    requested_at: Milliseconds


class ModelFitted(Fact):
    """A model is stored, and better than the baseline: score with it from now on.

    Attributes:
        made_at: Its version; the later one counts.
        until: When it expires.
    """

    type = "dev.aiops.model.fitted.v1"
    series: SeriesKey
    made_at: Milliseconds
    until: Milliseconds


class CommandGiven(Fact):
    """A person's or a system's wish about an incident.

    Attributes:
        command: `silence` keeps people from being told of it until a time; a later one replaces it.
        until: The end of a silence; one that is not after `given_at` lifts it.
        reason: Why, in words.
    """

    type = "dev.aiops.command.given.v1"
    incident: str
    command: Literal["acknowledge", "resolve", "reopen", "silence"]
    given_by: str
    given_at: Milliseconds
    until: Milliseconds | None = None
    reason: Name = ""

    @model_validator(mode="after")
    def _a_silence_ends(self) -> "CommandGiven":
        if (self.command == "silence") != (self.until is not None):
            raise ValueError("until: a silence needs one, and nothing else has one")
        return self


class RunJudged(Fact):
    """A person's word on a run of a runbook that waits for approval; for another it does nothing.

    Attributes:
        run: Its id.
        incident: The incident it belongs to.
        given_by: Who; several approvals count as many as there are different people.
    """

    type = "dev.aiops.run.judged.v1"
    run: Id
    incident: Id
    decision: Literal["approve", "reject"]
    given_by: Name = Field(min_length=1)
    given_at: Milliseconds


RunState = Literal[
    "proposed", "awaiting", "approved", "running", "verifying",
    "succeeded", "failed", "expired", "rejected", "skipped", "unknown",
]  # fmt: skip


class RunChanged(Fact):
    """A run of a runbook came into another state: the audit of what was done, by whom and why.

    Attributes:
        run: uuid5 of incident, generation, runbook and suspected service.
        targets: What it changes, such as `Deployment payments/cart`.
        summary: What it does, a line for each step.
        reason: Why it came into this state, in words.
        by: Who approved or rejected it; empty where nobody had to.
        approvals: Who approved it so far, and when.
        number: Counts the changes of this run from 1.
    """

    type = "dev.aiops.run.changed.v1"
    run: Id
    incident: Id
    runbook: Name
    mode: Literal["dry-run", "approve", "auto"]
    state: RunState
    reason: str
    targets: tuple[str, ...]
    summary: tuple[str, ...]
    by: str = ""
    approvals: tuple[tuple[str, Milliseconds], ...] = ()
    number: Count
    changed_at: Milliseconds


Glob = Annotated[str, Field(min_length=1, max_length=2_048)]
"""A name, in which `*` stands for any text and `?` for any character."""


class SilenceGiven(Fact):
    """Somebody wishes that nobody is told of some incidents for a while, such as for maintenance.

    It covers an incident whose likeliest cause it names, or all of whose evidence it names. Of two
    with the same id the one given later counts.

    Attributes:
        silence: Its id.
        service: Which services it names.
        metric: Which metrics.
        labels: What labels must be, by their names; one that is absent is the empty text.
        ends: After `starts`.
    """

    type = "dev.aiops.silence.given.v1"
    silence: Name = Field(min_length=1)
    domain: str
    service: Glob = "*"
    metric: Glob = "*"
    labels: dict[Name, Name] = Field(default_factory=dict, max_length=32)
    starts: Milliseconds
    ends: Milliseconds
    given_by: Name
    given_at: Milliseconds
    reason: Name = ""

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> "SilenceGiven":
        if self.ends <= self.starts:
            raise ValueError("ends: not after it starts")
        return self


class SilenceLifted(Fact):
    """Somebody ends a silence before its time; one given later than this holds again."""

    type = "dev.aiops.silence.lifted.v1"
    silence: Name = Field(min_length=1)
    domain: str
    lifted_by: Name
    lifted_at: Milliseconds


class ChangeObserved(Fact):
    """A deploy, a configuration change or a scaling of a service."""

    type = "dev.aiops.change.observed.v1"
    service: str
    kind: str
    summary: str = ""
    observed_at: Milliseconds


class Call(BaseModel):
    """One service calls another.

    Attributes:
        traffic: Requests per second, where they were measured.
        last_seen: When it was last observed, where that is known.
        connection: What lies between the two, as the source names it: `database`,
            `messaging_system` or `virtual_node`; None for a plain call.
        source: Who observed it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
    client: Name = Field(min_length=1)
    server: Name = Field(min_length=1)
    traffic: Rate | None = None
    last_seen: Milliseconds | None = None
    connection: Name | None = None
    source: Name | None = None


class CallTable(BaseModel):
    """Calls in columns: thousands of them fit into one event.

    Attributes:
        services: Those that call or are called.
        words: Connections and sources.
        rows: `[client, server, traffic, milliseconds since it was seen, connection, source]` each;
            places in `services`, then in `words`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
    services: tuple[Name, ...] = ()
    words: tuple[Name, ...] = ()
    rows: tuple[
        tuple[Count, Count, Rate | None, Milliseconds | None, Count | None, Count | None], ...
    ] = ()


class TopologyObserved(Fact):
    """Who calls whom, all of it, from `observed_at` on.

    Attributes:
        calls: One object each.
        table: Further calls, in columns.
    """

    type = "dev.aiops.topology.observed.v1"
    domain: str
    calls: tuple[Call, ...] = ()
    observed_at: Milliseconds
    table: CallTable | None = None


class WorkDue(Fact):
    """The clock's tick to one stage: do what is due.

    Attributes:
        now: The tick's time.
        processed_until: Every sample up to this time has been processed by `detect`; None where
            that is not known.
    """

    type = "dev.aiops.work.due.v1"
    stage: Literal["detect", "train", "correlate", "act"]
    now: Milliseconds
    processed_until: Milliseconds | None = None
