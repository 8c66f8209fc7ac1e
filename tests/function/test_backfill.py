"""What was before is learned as if it had been collected, and nobody is told of it."""

import math

import numpy as np
import pytest

from aiops.adapters.memory_history import MemoryHistory
from aiops.adapters.memory_published import MemoryPublished
from aiops.adapters.memory_series import MemorySeriesStore
from aiops.adapters.memory_verdicts import MemoryVerdicts
from aiops.adapters.prometheus import MOST_POINTS, Answer, Sample
from aiops.errors import Unavailable
from aiops.queries import Query
from aiops.series import SeriesMap
from functions.collect.asking import Question
from functions.collect.config import CollectConfig
from functions.detect.config import DetectConfig
from functions.detect.scoring import Scorer
from local import past
from local.backfill.backfilling import Backfilling
from local.backfill.taking_over import TakingOver
from local.in_process import InProcess
from local.past import Past
from tests.function.test_collect import NOW, make, tick

MINUTE = 60_000
HOURS = 4
QUERY = Query(metric="m", promql="m")


class Waves:
    """Two series that go up and down; `cart` breaks now and then."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []
        self.failing_after: int | None = None
        self.faults: frozenset[int] = frozenset()

    def query(self, promql: str, at: int) -> Answer:
        return self.query_range(promql, at, at, MINUTE)

    def query_range(self, promql: str, since: int, until: int, step: int) -> Answer:
        assert (until - since) // step < MOST_POINTS
        self.asked.append((since, until))
        if self.failing_after is not None and len(self.asked) > self.failing_after:
            raise Unavailable("Prometheus: timeout")
        labels = [{"service": name} for name in ("cart", "pay")]
        return Answer(
            tuple(
                Sample(one, at, self._value(one["service"], at))
                for one in labels
                for at in range(since, until + 1, step)
            )
        )

    def _value(self, service: str, at: int) -> float:
        noise = (at // MINUTE * 7919 % 101) / 101
        broken = service == "cart" and at in self.faults
        height = 500 if at > NOW else 80
        return 50 + 5 * math.sin(at / 3_600_000) + noise + height * broken


CONFIG: dict = {"detect": {"default": {"keep_history": True, "history_step": 60}}}


class Rig:
    def __init__(self, config: dict = CONFIG) -> None:
        self.config = config
        self.server = Waves()
        self.pipeline = InProcess.of(config)
        self.store = self.pipeline.detect.detect.store
        judged = DetectConfig.model_validate(config["detect"])
        collected = CollectConfig(queries=(QUERY,), service_graphs=())
        self.backfilling = Backfilling(
            Past(collected, SeriesMap()),
            config,
            MemoryVerdicts(),
            TakingOver(judged, self.store, MemoryHistory(self.store)),
            Scorer(judged, "").kinds,
            MemoryPublished(),
        )
        self.collect = make(self.server, config=collected)

    def fill(self, until: int = NOW, again: bool = False):
        times = self.backfilling.past.times(until - HOURS * 3_600_000, until)
        shares: list[float] = []
        question = Question(QUERY.metric, QUERY.promql, self.server)
        filled = self.backfilling.run(question, times, again=again, progress=shares.append)
        return filled, sum(shares)

    def minutes(self, since: int, until: int) -> None:
        """Let `collect` tick, and `detect` get what it publishes."""
        for at in range(since, until + 1, MINUTE):
            self.collect(tick(at))
            for message in self.collect.publisher.take("metrics"):
                self.pipeline.samples(message.event)


def test_what_is_filled_in_equals_what_collect_would_have_gathered() -> None:
    one, other = Rig(), Rig()
    filled, share = one.fill()
    assert (filled.state, filled.counts["new"], round(share, 6)) == ("done", 2, 1.0)
    other.minutes(NOW - HOURS * 3_600_000, NOW)
    assert one.store.records == other.store.records != {}
    keys = list(one.store.records)
    for rig in (one, other):
        rig.read = MemoryHistory(rig.store).read(keys, 0, NOW + 1)
    for mine, theirs in zip(one.read, other.read, strict=True):
        assert len(mine.time) == HOURS * 60 + 1
        assert np.array_equal(mine.time, theirs.time)
        assert np.array_equal(mine.value, theirs.value)


@pytest.mark.parametrize("filled", [False, True])
def test_a_learning_period_is_shortened_and_nothing_long_past_is_told(filled: bool) -> None:
    rig = Rig()
    rig.server.faults = frozenset({NOW - 60 * MINUTE, NOW - 59 * MINUTE} | {NOW + 10 * MINUTE})
    if filled:
        rig.fill()
    assert rig.pipeline.publisher.topics == {}
    rig.minutes(NOW + MINUTE, NOW + 10 * MINUTE)
    assert (rig.pipeline.counts["anomalies"] == 1) == filled


def test_a_series_that_goes_on_meanwhile_takes_over_what_was_learned_and_repeats_nothing() -> None:
    rig = Rig()
    rig.minutes(NOW - 2 * MINUTE, NOW + 3 * MINUTE)
    filled, _ = rig.fill()
    assert (filled.counts["continued"], filled.counts.get("new", 0)) == (2, 0)
    assert filled.counts["history"] == 2 * (HOURS * 60 - 2)
    accepted = rig.pipeline.counts["accepted"]
    rig.collect.published = MemoryPublished()
    rig.minutes(NOW + 3 * MINUTE, NOW + 3 * MINUTE)
    assert rig.pipeline.counts["accepted"] == accepted
    rig.server.faults = frozenset({NOW + 4 * MINUTE})
    rig.minutes(NOW + 4 * MINUTE, NOW + 4 * MINUTE)
    assert rig.pipeline.counts["anomalies"] == 1


def test_what_has_learned_enough_by_itself_stays() -> None:
    rig = Rig()
    rig.minutes(NOW - 150 * MINUTE, NOW)
    before = dict(rig.store.records)
    filled, _ = rig.fill()
    assert filled.counts["known"] == 2
    assert rig.store.records == before


def test_a_run_that_was_cut_off_goes_on_with_the_query_it_had_not_finished(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(past, "MOST_SAMPLES", 100)
    rig = Rig()
    rig.server.failing_after = 4
    filled, share = rig.fill()
    assert (filled.state, filled.reason) == ("failed", "Prometheus: timeout")
    assert 0 < share < 1
    assert rig.store.records == {}
    rig.server.failing_after = None
    assert rig.fill()[0].counts["new"] == 2
    asked = len(rig.server.asked)
    assert rig.fill()[0].reason == "by an earlier run"
    assert len(rig.server.asked) == asked
    whole = dict(rig.store.records)
    assert rig.fill(again=True)[0].counts["known"] == 2
    assert rig.store.records == whole


def test_another_instance_that_is_faster_is_not_overwritten() -> None:
    class Raced(MemorySeriesStore):
        raced = False

        def commit(self, writes, now) -> list[int]:
            if not self.raced and writes:
                self.raced = True
                super().commit([writes[0]], now)
            return super().commit(writes, now)

    rig = Rig()
    raced = Raced()
    rig.backfilling = Backfilling(
        rig.backfilling.past,
        rig.config,
        MemoryVerdicts(),
        TakingOver(rig.backfilling.taking_over.config, raced, MemoryHistory(raced)),
        rig.backfilling.kinds,
        MemoryPublished(),
    )
    filled, _ = rig.fill()
    assert filled.counts["new"] + filled.counts["known"] == 2
