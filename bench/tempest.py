"""The storm itself: anomalies, or the samples that become them, evenly over ten seconds."""

import time
from collections.abc import Iterator, Sequence
from itertools import repeat
from random import Random
from typing import Protocol, TypeVar

from aiops import topics
from aiops.adapters.kafka_publisher import KafkaPublisher
from aiops.batching import MAX_SAMPLES, Reading, batches
from aiops.events import Anomaly, Call, SeriesHead, TopologyObserved
from aiops.ids import derive
from aiops.ports import Event, Message
from aiops.series import SeriesMap
from bench.estate import DOMAIN, Series, anomaly, calls, detected, series_of, services
from bench.probes import services as probe_services
from bench.warm import HISTORY, warm_up
from bench.workload import OUTLIER, STEP_MS, Sweeps
from local.up import Pipeline

SERVICES = 300
ANOMALIES = 10_000
SECONDS = 10.0
LARGEST_BATCH = 50
SLICE_SECONDS = 0.25
PROBE_METRIC = "queue_length"
Item = TypeVar("Item")


class Tempest(Protocol):
    """One kind of storm."""

    def prepare(self, pipeline: Pipeline) -> None:
        """See to it that what has to be known before is."""

    def probe(self, service: str) -> None:
        """Send what makes one anomaly of a service that nobody calls."""

    def blow(self) -> None:
        """Send the storm; return when all of it is sent."""


class Anomalies:
    """Anomalies on the topic `anomalies`, in batches of 1 to 50."""

    def __init__(self, publisher: KafkaPublisher) -> None:
        self._publisher = publisher
        self._random = Random(7)
        self._names = services(SERVICES)

    def prepare(self, pipeline: Pipeline) -> None:  # noqa: ARG002 - nothing else has to be known
        """Tell who calls whom."""
        self._publisher.publish([topology(self._names)])

    def probe(self, service: str) -> None:
        """Send an anomaly of a service."""
        series = Series(PROBE_METRIC, "other", service, {"service": service}, _key(service))
        now = _now()
        mild = anomaly(series, now, self._random).model_copy(update={"severity": 1})
        self._publish([mild], now)

    def blow(self) -> None:
        """Send 10 000 anomalies, each of another series."""
        chosen = self._random.sample(series_of(self._names), ANOMALIES)
        sizes = _sizes(self._random)
        for batch in _paced(chosen, sizes):
            now = _now()
            self._publish([anomaly(one, now, self._random) for one in batch], now)

    def _publish(self, batch: Sequence[Anomaly], now: int) -> None:
        self._publisher.publish([Message(topics.ANOMALIES, DOMAIN, detected(batch, now))])


class Samples:
    """Samples on the topic `metrics` that lie far beyond what their series did before."""

    def __init__(self, publisher: KafkaPublisher) -> None:
        self._publisher = publisher
        self._names = services(SERVICES)
        chosen = Random(7).sample(series_of(self._names), ANOMALIES)
        self._heads = [SeriesHead(metric=one.metric, labels=one.labels) for one in chosen]
        self._series = SeriesMap()

    def prepare(self, pipeline: Pipeline) -> None:
        """Tell who calls whom, and give every series a past."""
        self._publisher.publish([topology(self._names)])
        past = sorted([*self._heads, *map(_probe_head, probe_services())], key=self._shard)
        groups = [past[start : start + MAX_SAMPLES] for start in range(0, len(past), MAX_SAMPLES)]
        sweeps = Sweeps(groups, _now() - 2 * HISTORY * STEP_MS)
        warm_up(pipeline.urls["aiops-detect"][0], pipeline.redis.url, sweeps)

    def _shard(self, head: SeriesHead) -> int:
        series = self._series.read(head)
        if isinstance(series, str):
            raise TypeError(series)
        return series.shard

    def probe(self, service: str) -> None:
        """Send a sample of a service that is far out."""
        self._publish([_probe_head(service)])

    def blow(self) -> None:
        """Send one far sample of each of 10 000 series."""
        slices = int(SECONDS / SLICE_SECONDS)
        for batch in _paced(self._heads, repeat(-(-ANOMALIES // slices))):
            self._publish(batch)

    def _publish(self, heads: Sequence[SeriesHead]) -> None:
        now = _now()
        readings = [Reading(head, now, OUTLIER) for head in heads]
        self._publisher.publish(list(batches(readings, self._series, "/bench", now)))


def topology(names: Sequence[str]) -> Message:
    """Return the event that says who calls whom."""
    now = _now()
    pairs = tuple(Call(client=client, server=server) for client, server in calls(names))
    fact = TopologyObserved(domain=DOMAIN, calls=pairs, observed_at=now)
    data = fact.model_dump_json().encode()
    return Message(
        topics.CONTROL,
        DOMAIN,
        Event(derive("bench", "topology", now), "/bench", fact.type, now, data, DOMAIN),
    )


def _paced(items: Sequence[Item], sizes: Iterator[int]) -> Iterator[Sequence[Item]]:
    """Yield all items in batches, each when its share of the ten seconds has passed."""
    began = time.monotonic()
    place = 0
    while place < len(items):
        time.sleep(max(0.0, began + SECONDS * place / len(items) - time.monotonic()))
        size = next(sizes)
        yield items[place : place + size]
        place += size


def _sizes(random: Random) -> Iterator[int]:
    while True:
        yield random.randint(1, LARGEST_BATCH)


def _probe_head(service: str) -> SeriesHead:
    return SeriesHead(metric=PROBE_METRIC, labels={"service": service})


def _key(service: str) -> str:
    return derive("series", service).replace("-", "")


def _now() -> int:
    return time.time_ns() // 1_000_000
