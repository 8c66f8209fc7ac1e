"""Whatever dies in between, each record is counted once, and nothing is overtaken."""

from collections import Counter, defaultdict
from random import Random

import orjson
import pytest

from aiops import topics
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_open_windows import MemoryOpenWindows
from aiops.adapters.memory_series import MemorySeriesStore
from aiops.clock import ManualClock
from aiops.events import Samples
from aiops.ports import Event
from aiops.series import SeriesMap
from functions.detect.settling import Settling
from functions.detect.windows.config import WindowsConfig
from functions.detect.windows.handler import WindowHandler
from functions.detect.windows.state import ServiceState
from functions.detect.windows.tally import MINUTE_MS, Sighting, Tally
from functions.detect.windows.telling import Telling
from tests.property.scheduler import Scheduler

START = 1_700_000_040_000
SOURCE = "/apis/v1/namespaces/aiops/kafkasources/logs#logs"
SCHEDULES = 600
SERVICES = ("cart", "pay", "db")
HORIZON = 8
"""Minutes of which records tell."""

CONFIG = WindowsConfig(grace=0, zeros=120, learn_for=0, max_new=1_000)


class Words:
    """Reads lists of service, time and level."""

    def tally(self, event: Event) -> Tally:
        tally = Tally()
        for service, time, level in orjson.loads(event.data):
            row = ("log_lines", (("level", level),))
            tally.services[service].count(time, row)
            if level == "error":
                sighting = Sighting(time, row, "text")
                tally.services[service].sighting(f"{service} {time}", sighting)
        return tally


def make(store, index, publisher, config=CONFIG, clock=None) -> WindowHandler:
    clock = clock or ManualClock(START)
    telling = Telling(SeriesMap(), "test")
    return WindowHandler(store, index, publisher, clock, telling, config, 86_400_000)


def records(random: Random, owner: dict[str, int], partitions: int) -> list[list[Event]]:
    """Return the records of each partition; those of a service lie in its own, in time order."""
    lines = sorted(
        (START + random.randrange(HORIZON * MINUTE_MS), random.choice(SERVICES))
        for _ in range(random.randrange(5, 40))
    )
    queues: list[list[tuple]] = [[] for _ in range(partitions)]
    for time, service in lines:
        place = owner.get(service, random.randrange(partitions))
        queues[place].append((service, time, random.choice(("info", "error"))))
    return [
        [event(queue, offset, part) for offset, part in enumerate(cut(random, rows))]
        for queue, rows in enumerate(queues)
    ]


def cut(random: Random, rows: list) -> list[list]:
    found = []
    while rows:
        size = random.randint(1, 4)
        found.append(rows[:size])
        rows = rows[size:]
    return found


def event(partition: int, offset: int, rows: list) -> Event:
    name = f"partition:{partition}/offset:{offset}"
    return Event(name, SOURCE, "dev.knative.kafka.event", rows[-1][1], orjson.dumps(rows))


def told(publisher: MemoryPublisher) -> tuple[dict, Counter]:
    """Return the first value of every series and time, and how often each new error was told.

    What is said again says the same, and no series goes back in time but to repeat itself.
    """
    found: dict[tuple, float] = {}
    latest: defaultdict[tuple, int] = defaultdict(int)
    for message in publisher.topics[topics.METRICS]:
        fact = Samples.model_validate_json(message.event.data)
        for place, time, value in fact.samples:
            labels = fact.series[place].labels
            series = labels["service"], labels["level"]
            if (*series, time) in found:
                assert found[*series, time] == value
            else:
                assert time > latest[series], "overtaken"
                latest[series], found[*series, time] = time, value
    ids = {
        one["id"]: one["service"]
        for message in publisher.topics[topics.ANOMALIES]
        for one in orjson.loads(message.event.data)["anomalies"]
    }
    return found, Counter(ids.values())


def finish(store, index, publisher, config=CONFIG) -> None:
    """Let the clock look at what is left, until nothing is."""
    now = START
    while index.noted:
        now += 3_600_000
        clock = ManualClock(now)
        tick = Event(f"tick-{now}", "test", "tick", now, b"")
        make(store, index, publisher, config, clock).tick(tick, now)
    assert not any(store.waiting.values()), "something was never published"


def run(seed: int, config: WindowsConfig, owner: dict[str, int]) -> tuple[dict, Counter, Counter]:
    random = Random(seed)
    queues = records(random, owner, 3)
    store, index, publisher = MemorySeriesStore(), MemoryOpenWindows(), MemoryPublisher()
    scheduler = Scheduler(seed, workers=4)
    ports = (scheduler.watch(port) for port in (store, index, publisher))
    handler, words = make(*ports, config), Words()
    scheduler.run(*([lambda e=e: handler(e, words) for e in queue] for queue in queues))
    finish(store, index, publisher, config)
    expected: Counter = Counter()
    errors: Counter = Counter()
    for one in (line for queue in queues for e in queue for line in orjson.loads(e.data)):
        service, time, level = one
        expected[service, level, (time // MINUTE_MS + 1) * MINUTE_MS] += 1
        errors[service] += level == "error"
    found, new = told(publisher)
    assert Counter({place: n for place, n in found.items() if n}) == expected, scheduler.trace
    return found, new, errors


@pytest.mark.slow
@pytest.mark.parametrize("part", range(3))
def test_what_a_partition_tells_of_a_service_is_counted_once_in_its_order(part: int) -> None:
    owner = {name: place for place, name in enumerate(SERVICES)}
    for seed in range(part, SCHEDULES, 3):
        run(seed, CONFIG, owner)


def test_records_of_a_service_in_several_partitions_are_counted_once_within_the_grace() -> None:
    late = CONFIG.model_copy(update={"grace": HORIZON * 60.0})
    for seed in range(SCHEDULES // 4):
        _, new, errors = run(seed, late, {})
        assert all(new[service] <= errors[service] for service in SERVICES)


def test_a_calm_schedule_tells_of_every_new_error() -> None:
    owner = {name: place for place, name in enumerate(SERVICES)}
    for seed in range(40):
        _, new, errors = run(seed, CONFIG, owner)
        assert set(+new) == set(+errors)


def overlooks_what_waits(_settling, _states):
    return {}


def forgets_records(_state, _origin):
    """Know no repeat."""


@pytest.mark.parametrize(
    ("owner", "method", "mistake"),
    [(Settling, "_pending", overlooks_what_waits), (ServiceState, "note", forgets_records)],
)
def test_a_mistake_shows(owner, method, mistake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owner, method, mistake)
    owner = {name: place for place, name in enumerate(SERVICES)}
    with pytest.raises(AssertionError):
        for seed in range(SCHEDULES):
            run(seed, CONFIG, owner)
