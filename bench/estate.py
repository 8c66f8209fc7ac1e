"""Services that call each other, and anomalies of them: what `correlate` is measured with."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from aiops.events import AnomaliesDetected, Anomaly, Role
from aiops.ids import derive
from aiops.ports import Event

DOMAIN = "default"
PODS = 3
METRICS: tuple[tuple[str, Role], ...] = (
    ("cpu_usage_ratio", "saturation"),
    ("memory_usage_ratio", "saturation"),
    ("request_latency_p99_milliseconds", "latency"),
    ("request_latency_p50_milliseconds", "latency"),
    ("request_errors_per_second", "errors"),
    ("requests_per_second", "traffic"),
    ("queue_length", "other"),
    ("open_connections", "other"),
    ("disk_usage_ratio", "saturation"),
    ("garbage_collection_seconds", "other"),
    ("thread_pool_usage_ratio", "saturation"),
    ("retries_per_second", "errors"),
)
SERIES_PER_SERVICE = PODS * len(METRICS)


@dataclass(frozen=True, slots=True)
class Series:
    """A series of an estate, as its anomalies name it."""

    metric: str
    role: Role
    service: str
    labels: dict[str, str]
    key: str


def services(count: int) -> list[str]:
    """Return so many names."""
    return [f"service-{number:03}" for number in range(count)]


def calls(names: Sequence[str], seed: int = 1) -> list[tuple[str, str]]:
    """Return who calls whom: connected, each called by one or two before it, hardly any hubs."""
    random = Random(seed)
    found: list[tuple[str, str]] = []
    for place, name in enumerate(names[1:], 1):
        near = range(max(0, place // 2 - 20), place)
        callers = random.sample(near, min(len(near), random.choice((1, 1, 2))))
        found.extend((names[caller], name) for caller in sorted(callers))
    return found


def series_of(names: Sequence[str]) -> list[Series]:
    """Return 36 series of each service: a dozen metrics on each of three pods."""
    return [
        Series(
            metric,
            role,
            name,
            {"service": name, "pod": f"{name}-{pod}", "node": f"node-{spread(name, pod) % 40}"},
            derive("series", name, metric, pod).replace("-", ""),
        )
        for name in names
        for metric, role in METRICS
        for pod in range(PODS)
    ]


def spread(name: str, pod: int) -> int:
    """Return a number that spreads pods over nodes, the same in every process."""
    return sum(name.encode()) * 7 + pod * 13


def anomaly(series: Series, time: int, random: Random) -> Anomaly:
    """Return an anomaly of a series."""
    evidence = 1.0 + random.expovariate(0.5)
    score = 1 - 1 / evidence
    value = round(100 * evidence, 3)
    return Anomaly(
        id=derive("anomaly", series.key, time),
        domain=DOMAIN,
        series=series.key,
        metric=series.metric,
        labels=series.labels,
        service=series.service,
        role=series.role,
        time=time,
        value=value,
        expected=100.0,
        lower=80.0,
        upper=120.0,
        detector="baseline",
        evidence=evidence,
        alarm_line=1.0,
        score=score,
        severity=1 + sum(score >= cut for cut in (0.3, 0.5, 0.7, 0.9)),
        reason=f"{value} is {evidence:.1f} times as far from 100.0 as its alarm line",
    )


def detected(anomalies: Sequence[Anomaly], time: int) -> Event:
    """Return the event that carries anomalies."""
    return Event(
        id=derive("anomalies", *(one.id for one in anomalies)),
        source="/bench",
        type=AnomaliesDetected.type,
        time=time,
        data=AnomaliesDetected(anomalies=tuple(anomalies)).model_dump_json().encode(),
        subject=DOMAIN,
    )
