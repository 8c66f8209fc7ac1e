"""Models and verdicts that arrive while samples do, over random schedules.

Whatever is interleaved, repeated or dies: lines are those of the set of verdicts, the model is the
latest, what was learned is the fold of what was accepted, and every anomaly that was committed is
published, and no other.
"""

from random import Random

import numpy as np
import pytest

from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_models import MemoryModels
from aiops.adapters.memory_series import MemorySeriesStore
from aiops.adapters.memory_verdicts import MemoryVerdicts
from aiops.artefact import Artefact
from aiops.events import FeedbackGiven, ModelFitted
from aiops.ports import Event
from aiops.series_store import Write
from functions.detect.control import Control, given_of
from functions.detect.lines import lines_of, write_lines
from functions.detect.record import HEADER, TRACK
from tests.property import detect_world as world
from tests.property.scheduler import Scheduler

SCHEDULES = 500
SEARCH = 600
SERIES = 3
VERDICTS = ("anomaly", "expected", "not_anomaly", "withdrawn")
STATE = HEADER.itemsize + TRACK.itemsize


class LoggingStore(MemorySeriesStore):
    """Remembers every output that was committed, and what each series learned since it began."""

    def __init__(self) -> None:
        super().__init__()
        self.committed: dict[str, bytes] = {}
        self.learned: dict[str, list[int]] = {}

    def commit(self, writes: list[Write], now: int) -> list[int]:
        before = {write.key: header(self, write.shard, write.key) for write in writes}
        refused = MemorySeriesStore.commit(self, writes, now)
        for place, write in enumerate(writes):
            if place not in refused:
                self.committed |= dict(write.outputs)
                self._follow(before[write.key], header(self, write.shard, write.key), write.key)
        return refused

    def _follow(self, old: np.void, new: np.void, key: str) -> None:
        assert new["last"] >= old["last"]
        if new["last"] == old["last"]:
            self.learned[key] = [] if new["count"] == 0 else self.learned[key]
            return
        count = int(new["count"]) - int(old["count"])
        self.learned.setdefault(key, []).extend(int(t) for t in new["recent"][:count][::-1])


def header(store: MemorySeriesStore, shard: int, key: str) -> np.void:
    record = store.records.get((shard, key), bytes(HEADER.itemsize))
    return np.frombuffer(record[: HEADER.itemsize], HEADER)[0]


def control(fact, number: int) -> Event:
    data = fact.model_dump_json().encode()
    return Event(f"c{number}", "test", fact.type, world.START, data)


def artefact(key: str, made_at: int, level: float) -> Artefact:
    grid = np.full(400, level, np.float32)
    return Artefact(
        series=key, kind="band", detector="prophet", made_at=made_at, until=world.START * 2,
        params={"start": world.START, "step": 60_000},
        arrays={"expected": grid, "lower": grid - 20, "upper": grid + 20},
    )  # fmt: skip


def said(random: Random, key: str, number: int, verdicts: tuple[str, ...]) -> FeedbackGiven:
    return FeedbackGiven(
        anomaly=f"a{random.randint(0, 2)}",
        series=key,
        time=world.START + 60_000 * random.randint(1, 8),
        detector=random.choice(("remembering", "prophet")),
        evidence=random.choice((1.5, 2.0, 3.0)),
        verdict=random.choice(verdicts),
        given_by="someone",
        given_at=world.START + number,
    )


def run(seed: int, verdicts: tuple[str, ...] = VERDICTS, damage=None) -> None:
    random = Random(seed)
    points = world.walk(random, series=SERIES, length=6)
    store, publisher = LoggingStore(), MemoryPublisher()
    models, kept = MemoryModels(), MemoryVerdicts()
    scheduler = Scheduler(seed, workers=4)
    ports = (scheduler.watch(models), scheduler.watch(kept))
    handler = world.make(
        scheduler.watch(store), scheduler.watch(publisher), None, *ports, detector="prophet"
    )
    if damage is not None:
        damage(handler)
    keys = [world.NAMES.read(world.head(one)) for one in range(SERIES)]
    facts = []
    for number in range(random.randint(2, 8)):
        series = random.choice(keys)
        if random.random() < 0.4:
            made = artefact(series.key, world.START + number, random.choice((0.0, 25.0)))
            models.put(series.shard, series.key, made.made_at, made.until, made.pack())
            facts.append(ModelFitted(series=series.key, made_at=made.made_at, until=made.until))
        else:
            facts.append(said(random, series.key, number, verdicts))
    batches = world.cut(random, points, 4)
    queues = [
        [lambda e=world.event(batch, n): handler(e) for n, batch in enumerate(batches)],
        [lambda e=control(fact, n): handler(e) for n, fact in enumerate(facts[::2])],
        [lambda e=control(fact, n): handler(e) for n, fact in enumerate(facts[1::2])],
    ]
    scheduler.run(*queues)
    world.drain(store, publisher)
    check(store, publisher, points, facts, keys, scheduler.trace)


def check(store, publisher, points, facts, keys, trace) -> None:
    assert set(world.published(publisher)) == set(ids(store.committed)), trace
    assert not any(store.waiting.values())
    for number, series in enumerate(keys):
        found = header(store, series.shard, series.key)
        mine = [fact for fact in facts if fact.series == series.key]
        given = MemoryVerdicts()
        for fact in mine:
            if isinstance(fact, FeedbackGiven):
                given.add(0, series.key, given_of(fact))
        lines = lines_of(given.read([(0, series.key)])[0])
        wanted = np.zeros(1, HEADER)
        write_lines(wanted, 0, lines)
        for name in ("line", "hours", "hourly", "mark"):
            assert found[name].tobytes() == wanted[name][0].tobytes(), (name, trace)
        made = [fact.made_at for fact in mine if isinstance(fact, ModelFitted)]
        assert abs(int(found["model"])) >= max(made, default=0), trace
        accepted = store.learned[series.key]
        values = {p.time: p.value for p in points if p.series == number}
        state = np.zeros(1, world.Remembering.dtype)
        for time in accepted:
            world.Remembering().score(state, np.array([time]), np.array([values[time]]))
        record = store.records[series.shard, series.key]
        assert record[STATE : STATE + state.nbytes] == state.tobytes(), trace
        assert int(found["count"]) == len(accepted), trace
        if not any(fact.verdict == "new_trend" for fact in mine if isinstance(fact, FeedbackGiven)):
            assert accepted == sorted(values), trace


def ids(committed: dict[str, bytes]) -> list[str]:
    import orjson

    return [orjson.loads(body)["id"] for body in committed.values()]


MORE = pytest.mark.parametrize("first", [0, pytest.param(1_000_000, marks=pytest.mark.slow)])


@MORE
def test_models_and_verdicts_take_effect_once_whatever_happens(first: int) -> None:
    for seed in range(first, first + SCHEDULES):
        run(seed)


@MORE
def test_a_new_trend_restarts_learning_once_whatever_happens(first: int) -> None:
    for seed in range(first, first + SCHEDULES):
        run(seed, (*VERDICTS, "new_trend"))


class _Unguarded(Control):
    """Leaves no record behind where there was none, so nobody notices a verdict meanwhile."""

    def _revise(self, series, change):
        (stored,) = self.store.load([(world.NAMES and shard(series), series)], (), 0).records
        return stored is not None and Control._revise(self, series, change)


class _Hasty(Control):
    """Reads the verdicts before the record."""

    def _revise(self, series, change):
        given = self.verdicts.read([(shard(series), series)])
        lines = lines_of(given[0])

        def stale(record):
            record.follow(lines)

        feedback = "judge_anew" in change.__qualname__
        return Control._revise(self, series, stale if feedback else change)


def shard(series: str) -> int:
    from aiops.series import shard_of

    return shard_of(series)


@pytest.mark.parametrize("mistake", [_Unguarded, _Hasty])
def test_a_mistake_in_the_order_of_reading_is_caught(mistake: type[Control]) -> None:
    def damage(handler) -> None:
        right = handler.control
        handler.control = mistake(
            right.store, right.verdicts, right.changes, right.clock, right.kinds
        )

    with pytest.raises((AssertionError, KeyError)):
        for seed in range(SEARCH):
            run(seed, damage=damage)
