"""What may be configured of `correlate`, with what it does unless told otherwise."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from aiops.selector import checked_pattern
from functions.correlate.objective import Objective

Seconds = Annotated[int, Field(ge=0, le=7 * 86_400)]
Pattern = Annotated[str, AfterValidator(checked_pattern)]

VIRTUAL_CLIENTS = ("user", "unknown", "client", ".*load-?generator.*", ".*ingress.*")
"""What tracing, meshes and load tests put where nothing is known of who calls."""

Weight = Annotated[float, Field(ge=0, le=1)]


class CorrelateConfig(BaseModel):
    """The section `correlate` of the configuration.

    Attributes:
        correlators: Plugins that look for links.
        ranker: Plugin that ranks the suspects.
        severity: Plugin that tells how bad an incident is.
        user_facing: Patterns of the services that serve users; not given, those are that nobody
            calls but `virtual_clients`.
        virtual_clients: Patterns of clients in the topology that stand for users.
        objectives: Service level objectives; the severity rises with how fast their budget burns.
        threshold: The combined weight from which two cells are linked.
        bucket: Seconds of one cell.
        window: Seconds that may lie between two linked cells.
        time_weight: What nearness in time alone adds; below the threshold it never joins alone.
        labels: Labels that tell where a series comes from, with what sharing one of them weighs.
        texts: Labels that carry words; the first present counts.
        similar_text: Share of common word pairs from which two texts are alike.
        hub_degree: A service with more neighbours is a hub: it joins less.
        resolve_after: Seconds without an anomaly after which an incident is resolved.
        recur_within: Seconds after which the same kind of anomaly at the same place still belongs
            to the same incident; what exceeds `resolve_after` is how long a resolved one may be
            reopened.
        alert_lag: Seconds of which an external alert speaks before it begins to fire: a rule waits
            before it fires.
        alert_hold: Seconds for which an alert that begins to fire keeps its incident open, unless
            its end is told.
        flap_returns: How often an incident comes back within `flap_within` until it counts as
            flapping: people are told so once, and it stays open until it was calm; 0 for never.
        flap_within: Seconds before its last anomaly in which that counts.
        flap_calm: Seconds without an anomaly after which a flapping incident is resolved, where
            that is more than `resolve_after`.
        maintenance: Kinds of changes that open a maintenance window of the service that is
            changed, with its seconds: nobody is told of what it causes.
        max_age: Seconds from its first anomaly after which an incident takes no more.
        max_series: Series of which an incident keeps the evidence; the strongest stay.
        group_wait: Seconds after opening before people are told, so that suspects rest on more
            than the first batch.
        group_series: Series that agree from which nobody waits any longer.
        notify_anomalies: Anomalies, of as many series as `notify_series`, worth telling people.
        notify_series: See `notify_anomalies`.
        notify_repeats: Anomalies of one series that are enough.
        notify_severity: The severity of an incident that is enough.
        change_reach: Seconds after a change in which what goes wrong with its service may be due to
            it, where links are looked for.
        change_window: Seconds before an incident in which a change is suspicious.
        future_tolerance: Seconds that an anomaly, or whatever else an event speaks of, may lie
            after the event's own time.
        topology_file: CSV with the columns client, server and maybe traffic, used until a topology
            is observed.
        topology_delay: Seconds after its observation from which a new topology holds, so that
            links do not depend on the order of arrival.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    correlators: tuple[str, ...] = ("time", "topology", "labels", "text", "change")
    ranker: str = "evidence"
    severity: str = "impact"
    user_facing: tuple[Pattern, ...] | None = None
    virtual_clients: tuple[Pattern, ...] = VIRTUAL_CLIENTS
    objectives: tuple[Objective, ...] = ()
    threshold: Weight = 0.5
    bucket: Annotated[int, Field(ge=1, le=3_600)] = 30
    window: Annotated[int, Field(ge=1, le=3_600)] = 120
    time_weight: Weight = 0.0
    labels: dict[str, Weight] = Field(
        default={
            "pod": 0.9,
            "instance": 0.9,
            "deployment": 0.8,
            "statefulset": 0.8,
            "node": 0.4,
            "namespace": 0.1,
        }
    )
    texts: tuple[str, ...] = ("log_template", "template", "alertname", "message")
    similar_text: Weight = 0.6
    hub_degree: Annotated[int, Field(ge=1)] = 20
    resolve_after: Seconds = 300
    recur_within: Seconds = 240
    alert_lag: Annotated[int, Field(ge=0, le=3_600)] = 300
    alert_hold: Seconds = 86_400
    flap_returns: Annotated[int, Field(ge=0, le=60)] = 3
    flap_within: Seconds = 3_600
    flap_calm: Seconds = 1_800
    maintenance: dict[str, Seconds] = Field(default_factory=dict)
    max_age: Seconds = 86_400
    max_series: Annotated[int, Field(ge=1, le=2_000)] = 200
    group_wait: Seconds = 30
    group_series: Annotated[int, Field(ge=1)] = 10
    notify_anomalies: Annotated[int, Field(ge=1)] = 2
    notify_series: Annotated[int, Field(ge=1)] = 2
    notify_repeats: Annotated[int, Field(ge=1)] = 3
    notify_severity: Annotated[int, Field(ge=1, le=6)] = 4
    change_reach: Seconds = 300
    change_window: Seconds = 1_800
    future_tolerance: Seconds = 300
    topology_file: str | None = None
    topology_delay: Seconds = 300

    @property
    def recurrence(self) -> int:
        """Seconds that may lie between two linked cells of the same site, the most of all."""
        return max(self.window, self.recur_within)
