"""The page of metrics: what can be read now; a server that is away takes only its own along."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from aiops.backlog import BacklogReader
from aiops.clock import Clock
from aiops.counters import CounterStore
from aiops.errors import AiopsError
from functions.exporter import families
from functions.exporter.kafka import Offsets, waiting


@dataclass(frozen=True, slots=True)
class Page:
    """Reads everything anew for each who asks."""

    counters: CounterStore
    backlog: BacklogReader
    offsets: Offsets
    clock: Clock

    def text(self) -> bytes:
        """Return the page in Prometheus' text format."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Given(self._metrics()))
        return generate_latest(registry)

    def _metrics(self) -> list[Metric]:
        found: list[Metric] = []
        answered = {"redis": True, "kafka": True}
        try:
            found += families.totals(self.counters.read())
            found += families.backlog(self.backlog.read(self.clock.now()))
        except AiopsError:
            answered["redis"] = False
        try:
            found += families.queues(waiting(self.offsets))
        except AiopsError:
            answered["kafka"] = False
        return [*found, families.up(answered)]


class _Given(Collector):
    """Metrics that were read already."""

    def __init__(self, found: Iterable[Metric]) -> None:
        self._found = list(found)

    def collect(self) -> Iterator[Metric]:
        """Yield them."""
        yield from self._found
