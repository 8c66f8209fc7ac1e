"""Which detector judges which series, and what keeps an alarm from being raised."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from aiops.canary import METRIC as CANARY_METRIC
from aiops.combination import MOST_METRICS
from aiops.selector import Selector, checked_pattern
from aiops.series import Series
from functions.detect.features.declared import Feature
from functions.detect.features.sets import SETS
from functions.detect.lines import FITTED
from functions.detect.otlp import DROPPED
from functions.detect.signals.kubernetes.config import KubernetesEvents
from functions.detect.signals.logs.config import LogsConfig
from functions.detect.signals.traces.config import TracesConfig
from functions.detect.sources import Source
from functions.detect.windows.config import WindowsConfig


class Rule(BaseModel):
    """A detector for some series, with its gates.

    Attributes:
        match: The series it judges.
        detector: Name of a module in `functions/detect/detectors`; or what is to be fitted, one of
            `auto`, `prophet`, `isolation_forest`, `luminaire`: until there is a model, and
            whenever there is none, `baseline` scores.
        params: What that detector is made with, or fitted with.
        alarm_line: The evidence at which it alarms; the detector's own where not given.
        min_history: Accepted samples before it may alarm; the detector's own where not given.
        detection_direction: Whether values above, below or either side of expected count.
        min_dev_from_expected: Least distance from expected, in the series' unit.
        min_rel_dev_from_expected: Least distance from expected, as a share of it.
        duration: Seconds the evidence must stay over the line.
        learn_for: Seconds from a series' first sample on in which it does not alarm, unless a
            model that was fitted to older history scores it.
        relearn_on_change: Whether a change of its service lets a series be learned anew.
        keep_history: Whether samples are kept although no model is fitted to them, for the plots in
            messages.
        history_step: Seconds of which one sample is kept.
        drift_after: Seconds values must stay beside what a model expects before it is given up.
        together: Metrics of a service that this rule looks at as one, with an `isolation_forest`;
            each of them is judged by another rule besides.
        by: Labels that tell several such rows of one service apart, such as `pod`.
        reorder_window: Seconds by which samples of a series may come out of order, as they do from
            who writes records without a key; they are scored that much later. Not for series made
            of others.
        max_series: Series it takes, first come, first served, over all instances; samples of others
            are counted and dropped. None for all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    match: Selector = Selector()
    detector: str = "baseline"
    params: dict[str, Any] = Field(default_factory=dict)
    alarm_line: float | None = Field(default=None, gt=0)
    min_history: int | None = Field(default=None, ge=0)
    detection_direction: Literal["up", "down", "both"] = "both"
    min_dev_from_expected: float = Field(default=0.0, ge=0)
    min_rel_dev_from_expected: float = Field(default=0.0, ge=0)
    duration: float = Field(default=0.0, ge=0)
    learn_for: float = Field(default=0.0, ge=0)
    relearn_on_change: bool = False
    keep_history: bool = False
    history_step: float = Field(default=300.0, gt=0)
    drift_after: float = Field(default=7_200.0, gt=0)
    together: tuple[str, ...] = Field(default=(), max_length=MOST_METRICS)
    by: tuple[str, ...] = ()
    reorder_window: float = Field(default=0.0, ge=0, le=3_600)
    max_series: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _together_is_for_forests(self) -> Self:
        if self.together and self.detector != "isolation_forest":
            raise ValueError("together: takes the detector isolation_forest")
        if self.together and len(set(self.together)) < max(2, len(self.together)):
            raise ValueError("together: takes two metrics or more, each once")
        if self.together and self.reorder_window:
            raise ValueError("reorder_window: not for metrics that are looked at together")
        return self

    @property
    def fit_params(self) -> dict[str, Any]:
        """What a model is to be fitted with."""
        return {**self.params, "together": list(self.together)} if self.together else self.params

    @property
    def joint(self) -> str:
        """What the series of rows is called that several metrics make together."""
        return "+".join(self.together)

    @property
    def modelled(self) -> bool:
        """Whether its series are scored with a fitted model."""
        return self.detector in FITTED

    @property
    def kept(self) -> bool:
        """Whether samples of its series are kept."""
        return self.modelled or self.keep_history


COUNTS = Rule(
    match=Selector(
        metric="span_errors|call_errors|log_errors|log_error_lines|log_template_lines"
        "|kubernetes_events"
    ),
    min_dev_from_expected=3.0,
)
"""Judges what is counted of logs, spans and Events where no other rule does: where none is usual,
one failure is no alarm."""

CANARY = Rule(match=Selector(metric=CANARY_METRIC), detector="static", params={"upper": 0.0})
"""Judges what is sent to see whether anomalies come out at the other end, whatever rules there
are: `functions/exporter/canary`."""

COUNTED = ("_total", "_count", "_sum", "_bucket")
"""Ends of the names of counters. Source: Prometheus, "Metric and label naming"."""

Share = Annotated[float, Field(gt=0, lt=1)]


class Quantiles(BaseModel):
    """Quantiles of histograms; each becomes a series with a label `quantile`.

    Attributes:
        match: The histograms, by the metric of their buckets and other labels than `le`.
        q: Which quantiles, between 0 and 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    match: Selector = Selector()
    q: tuple[Share, ...] = Field(default=(0.5, 0.95), min_length=1)


class Kind(BaseModel):
    """Whether values of some series are counts that only grow, where their format does not say.

    Attributes:
        match: The series.
        kind: `counter`, whose values become rates per second, or `gauge`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    match: Selector
    kind: Literal["gauge", "counter"]


TELEGRAF_COUNTERS = (
    r"(net_(bytes|packets|err|drop)_(recv|sent|in|out)|diskio_.*_(bytes|time)|diskio_(reads|writes)"
    r"|kernel_(context_switches|interrupts|processes_forked)|cpu_time_.*)"
)
"""Source: influxdata/telegraf, README.md of its inputs net, diskio, kernel and cpu."""


class DetectConfig(BaseModel):
    """The section `detect` of the configuration.

    Attributes:
        rules: The first whose selector matches judges a series; otherwise the default does. Counts
            of failures in logs, spans and Events that none matches alarm from 3 above the usual on.
            The canary's own series have a rule of their own.
        default: The rule for everything else.
        quantiles: Histograms judged by quantiles, not by each of their buckets; the first that
            matches counts.
        features: Series made of others, which are judged as any.
        feature_sets: Names of further ones for what is widely used; `aiops features` lists them.
        max_future: Seconds a sample may lie after its event's own time.
        max_age: Seconds a sample may lie before it.
        model_memory: Mebibytes of fitted models held by a process, the rest is fetched when needed.
        topics: What topics carry, beside those of the usual names: a signal, and its encoding.
        kinds: Which series are counters, where their format does not say it; then those whose names
            end in `_total`, `_count`, `_sum` or `_bucket` are.
        dropped_attributes: Patterns of resource attributes of OTLP that become no labels.
        kubernetes_events: How Events of Kubernetes are read.
        windows: How logs and traces are counted.
        logs: How logs are read.
        traces: How spans are read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    rules: tuple[Rule, ...] = Field(default=(), validate_default=True)
    default: Rule = Rule()
    quantiles: tuple[Quantiles, ...] = ()
    features: tuple[Feature, ...] = ()
    feature_sets: tuple[str, ...] = ()
    max_future: float = Field(default=300.0, ge=0)
    max_age: float = Field(default=7 * 86_400.0, gt=0)
    model_memory: float = Field(default=192.0, gt=0)
    topics: dict[str, Source] = Field(default_factory=dict)
    kinds: tuple[Kind, ...] = (Kind(match=Selector(metric=TELEGRAF_COUNTERS), kind="counter"),)
    dropped_attributes: tuple[str, ...] = DROPPED
    kubernetes_events: KubernetesEvents = KubernetesEvents()
    windows: WindowsConfig = WindowsConfig()
    logs: LogsConfig = LogsConfig()
    traces: TracesConfig = TracesConfig()

    @field_validator("rules")
    @classmethod
    def _ours_come_last(cls, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        return (*rules, *(one for one in (CANARY, COUNTS) if one not in rules))

    @field_validator("feature_sets")
    @classmethod
    def _feature_sets_exist(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in SETS:
                raise ValueError(f"there is no {name!r}; there is {', '.join(SETS)}")
        return names

    @field_validator("dropped_attributes")
    @classmethod
    def _attributes_are_patterns(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(checked_pattern(pattern) for pattern in patterns)

    @property
    def features_in_use(self) -> tuple[Feature, ...]:
        """Features that are declared, and those of the sets that are named."""
        return (*self.features, *(one for name in self.feature_sets for one in SETS[name]))

    @property
    def every(self) -> tuple[Rule, ...]:
        """All rules, the default last."""
        return (*self.rules, self.default)

    @property
    def derives(self) -> bool:
        """Whether any series are made of others."""
        return bool(self.quantiles or self.features_in_use)

    def rule_for(self, series: Series) -> int:
        """Return the place of the rule that judges a series; `len(rules)` is the default."""
        if series.metric == CANARY_METRIC:
            return self.rules.index(CANARY)
        for place, rule in enumerate(self.rules):
            if not rule.together and rule.match.matches(series):
                return place
        return len(self.rules)

    def rule_named(self, series: Series) -> int:
        """Return the place of the rule that judges a series, one of rows told by its name."""
        for place, rule in enumerate(self.rules):
            if rule.together and rule.joint == series.metric:
                return place
        return self.rule_for(series)

    def kind_of(self, metric: str, labels: Mapping[str, str]) -> Literal["gauge", "counter"]:
        """Return the kind of a series whose format does not say it."""
        for one in self.kinds:
            if one.match.fits(metric, labels):
                return one.kind
        return "counter" if metric.endswith(COUNTED) else "gauge"

    def quantiles_of(self, metric: str, labels: Mapping[str, str]) -> tuple[float, ...]:
        """Return the quantiles a histogram is judged by, nothing where it is not."""
        fitting = (one.q for one in self.quantiles if one.match.fits(metric, labels))
        return next(fitting, ())

    def rule(self, place: int) -> Rule:
        """Return a rule by its place."""
        return self.rules[place] if place < len(self.rules) else self.default
