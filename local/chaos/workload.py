"""What is sent, drawn from a seed: many services, faults that spread, two acts with a gap. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from aiops.batching import Reading, batches
from aiops.events import SeriesHead
from aiops.ports import Message
from aiops.series import SeriesMap
from local.chaos.faults import CUT_OFF, METRICS, PERIOD_MS, Act, Fault, draw_faults, services

SOURCE = "/aiops/chaos"
PARTITIONS = 12
SPEED = 32
"""How many of the pipeline's seconds of input are sent in one real second."""

USUAL = {"latency_milliseconds": 120.0, "requests_per_second": 800.0, "memory_bytes": 4e8}
LATE_MS = 60_000
LIMIT = 100.0
"""Of the metrics whose name ends in `_ratio`; what they usually have lies far below."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Events that are sent together.

    Attributes:
        time: The latest time they speak of, unix milliseconds.
        samples: How many there are in all.
    """

    time: int
    messages: tuple[Message, ...]
    samples: int


class Workload:
    """Hands out the events of one act after the other; the same seed gives the same events.

    Args:
        seed: What everything is drawn from.
        together: How many half periods are sent together, in fewer and larger events.
    """

    def __init__(self, seed: int, together: int = 1) -> None:
        self._together = together
        self._random = Random(f"workload {seed}")
        self._names = SeriesMap()
        self._held: list[Reading] = []
        self.heads = tuple(
            SeriesHead(metric=metric, labels={"service": service})
            for service in services()
            for metric in METRICS
        )

    def slices(self, act: Act) -> Iterator[Slice]:
        """Yield the events of an act in order of time; to be called once for each act, in order."""
        waiting: list[Reading] = []
        for number, (now, readings) in enumerate(self._moments(act), 1):
            waiting += readings
            if number % self._together == 0:
                yield self._slice(waiting, now)
                waiting = []
        if waiting:
            yield self._slice(waiting, act.end)

    def _moments(self, act: Act) -> Iterator[tuple[int, list[Reading]]]:
        """Yield every half period and what was read in it."""
        drawn = draw_faults(self._random, act)
        held_from = self._hold(drawn, act)
        faults: dict[str, list[Fault]] = {}
        for fault in drawn:
            faults.setdefault(fault.service, []).append(fault)
        gaps = {
            place: act.start + self._random.randrange(act.length)
            for place in self._random.sample(range(len(self.heads)), len(self.heads) // 20)
        }
        if self._held:
            yield act.start, self._held
        for time in range(act.start, act.end, PERIOD_MS):
            for half in (0, 1):
                now = time + half * PERIOD_MS // 2
                readings = [
                    reading
                    for place in range(half, len(self.heads), 2)
                    if not 0 <= now - gaps.get(place, act.end) < 40_000
                    for reading in self._readings(self.heads[place], now, faults, act)
                ]
                yield now, [r for r in readings if not self._holds(r, held_from)]

    def _hold(self, faults: list[Fault], act: Act) -> dict[str, int]:
        """Add a fault of each service that is cut off; return from when on each one is.

        A later act begins with what was held back in the one before.
        """
        if self._held:
            return {}
        found = {}
        for service in CUT_OFF:
            faults[:] = [fault for fault in faults if fault.service != service]
            start = act.start + int(self._random.uniform(0.3, 0.6) * act.length)
            faults.append(
                Fault(service, frozenset(METRICS[:2]), start, start + 10 * PERIOD_MS, 3.0)
            )
            found[service] = start + 5 * PERIOD_MS
        return found

    def _holds(self, reading: Reading, held_from: dict[str, int]) -> bool:
        """Hold a reading back if its service is cut off."""
        since = held_from.get(reading.head.labels["service"])
        if since is None or reading.time < since:
            return False
        self._held.append(reading)
        return True

    def _readings(
        self, head: SeriesHead, now: int, faults: dict[str, list[Fault]], act: Act
    ) -> Iterator[Reading]:
        value = self._value(head, now, faults.get(head.labels["service"], []))
        yield Reading(head, now, value)
        odd = self._random.random()
        if odd < 0.002:  # a second value for the same time: the first counts
            yield Reading(head, now, value + 1.0)
        elif odd < 0.004 and now - act.start > 2 * LATE_MS:  # beyond use, however sent together
            yield Reading(head, now - LATE_MS, value)

    def _value(self, head: SeriesHead, now: int, faults: list[Fault]) -> float:
        random = self._random
        going_on = (f for f in faults if head.metric in f.metrics and f.start <= now <= f.end)
        force = max((fault.force for fault in going_on), default=0.0)
        if head.metric.endswith("_ratio"):
            return random.uniform(1.2, 1.9) * LIMIT * force if force else random.uniform(5, 60)
        usual = USUAL[head.metric]
        return usual * (random.gauss(1.0, 0.03) + (2.0 * force if force else 0.0))

    def _slice(self, readings: list[Reading], now: int) -> Slice:
        messages = tuple(
            Message(m.topic, m.key, m.event, int(m.key) % PARTITIONS)
            for m in batches(readings, self._names, SOURCE, now)
        )
        return Slice(now, messages, len(readings))
