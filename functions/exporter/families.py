"""Totals, and what waits, as families of metrics."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import product

from prometheus_client import Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)

from aiops.backlog import Backlog
from aiops.counters import BEYOND, FAMILIES, SUM, Family, read_field
from functions.exporter.kafka import Waiting

UP = "aiops_up"
GAUGES: Mapping[str, str] = {
    "aiops_unpublished_anomalies": "Anomalies that were found and not published yet.",
    "aiops_due_steps": "Incidents whose next step is due and not done yet.",
    "aiops_open_incidents": "Incidents that go on.",
    "aiops_unpublished_incidents": "Incidents that changed and were not published yet.",
    "aiops_redis_memory_used_bytes": "What Redis uses.",
    "aiops_redis_memory_limit_bytes": "What Redis may use; 0 for no limit.",
    "aiops_kafka_lag": "Records a group has not handled yet, by topic.",
    "aiops_dead_letters": "Records in the topic of dead letters.",
    UP: "Whether a server answered just now.",
}
"""Names of what is looked at when asked, and what each says."""

Labels = tuple[str, ...]
_Found = Mapping[Labels, Mapping[str, int]]


def totals(found: Mapping[str, int]) -> Iterator[Metric]:
    """Yield every family of totals, also those nothing was counted in yet."""
    parts: dict[str, dict[Labels, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for name, total in found.items():
        family, labels, part = read_field(name)
        parts[family][labels][part] = total
    for one in FAMILIES:
        mine = _with_zeros(one, parts[one.name])
        yield _histogram(one, mine) if one.buckets else _counter(one, mine)


def _with_zeros(family: Family, found: _Found) -> _Found:
    """Return what was found and a place for everything that can still come."""
    values = [
        sorted({*family.known.get(label, ()), *(labels[place] for labels in found)})
        for place, label in enumerate(family.labels)
    ]
    known = product(*values) if family.known or not family.labels else ()
    return {labels: found.get(labels, {}) for labels in (*known, *found)}


def _counter(family: Family, found: _Found) -> Metric:
    metric = CounterMetricFamily(family.name, family.told, labels=family.labels)
    for labels, parts in sorted(found.items()):
        metric.add_metric(labels, parts.get("", 0))
    return metric


def _histogram(family: Family, found: _Found) -> Metric:
    """Return a histogram; what was observed with bounds of an older version falls into ours."""
    metric = HistogramMetricFamily(family.name, family.told, labels=family.labels)
    for labels, parts in sorted(found.items()):
        bounded = {int(bound): n for bound, n in parts.items() if bound not in (SUM, BEYOND)}
        buckets = [
            (f"{bound / 1000:g}", float(sum(n for le, n in bounded.items() if le <= bound)))
            for bound in family.buckets
        ]
        every = float(sum(bounded.values()) + parts.get(BEYOND, 0))
        metric.add_metric(labels, [*buckets, (BEYOND, every)], parts.get(SUM, 0) / 1000)
    return metric


def backlog(found: Backlog) -> Iterator[Metric]:
    """Yield what waits in Redis."""
    values = {
        "aiops_unpublished_anomalies": found.unpublished_anomalies,
        "aiops_due_steps": found.due_steps,
        "aiops_open_incidents": found.open_incidents,
        "aiops_unpublished_incidents": found.unpublished_incidents,
        "aiops_redis_memory_used_bytes": found.memory_used,
        "aiops_redis_memory_limit_bytes": found.memory_limit,
    }
    for name, value in values.items():
        yield GaugeMetricFamily(name, GAUGES[name], value=value)


def queues(found: Waiting) -> Iterator[Metric]:
    """Yield what waits on Kafka."""
    lag = GaugeMetricFamily("aiops_kafka_lag", GAUGES["aiops_kafka_lag"], labels=("group", "topic"))
    for labels, records in sorted(found.lag.items()):
        lag.add_metric(labels, records)
    yield lag
    yield GaugeMetricFamily(
        "aiops_dead_letters", GAUGES["aiops_dead_letters"], value=found.dead_letters
    )


def up(answered: Mapping[str, bool]) -> Metric:
    """Return which servers answered."""
    metric = GaugeMetricFamily(UP, GAUGES[UP], labels=("server",))
    for server, well in sorted(answered.items()):
        metric.add_metric((server,), well)
    return metric
