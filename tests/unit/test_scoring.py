"""Gates, counters and rejections, as one batch sees them."""

from collections.abc import Sequence

import numpy as np
import pytest

from aiops.detection import Scores, score_of, severity_of
from aiops.errors import Misconfigured
from aiops.events import Anomaly, Samples, SeriesHead
from aiops.selector import Selector
from aiops.series import SeriesMap
from aiops.series_store import Mode
from functions.detect import judge
from functions.detect.batch import take
from functions.detect.config import CANARY, DetectConfig, Rule
from functions.detect.reading import SampleReader
from functions.detect.scoring import Outcome, Scorer

NOW = 1_767_225_600_000


class Exact:
    """Expects 10; its evidence is the distance from it."""

    dtype = np.dtype([("last", "<f8")])
    alarm_line = 1.0
    min_history = 0

    def score(self, state, time, value) -> Scores:
        state["last"] = value
        expected = np.full(len(value), 10.0)
        return Scores(np.abs(value - 10.0), expected, expected, expected, lambda i: f"row {i}")


class Judged:
    """Scores batches one after the other, as a store would keep the records."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, rule: Rule, kind: str = "gauge") -> None:
        shipped = judge.load

        def load(package: str, name: str, what: str) -> type:
            return shipped(package, name, what) if name == CANARY.detector else Exact

        monkeypatch.setattr(judge, "load", load)
        self.config = DetectConfig(default=rule)
        self.scorer = Scorer(self.config, "test")
        self.kind = kind
        self.records: dict[str, bytes] = {}

    def __call__(self, *samples: tuple[int, float]) -> Outcome:
        head = SeriesHead(metric="m", labels={"service": "s"}, kind=self.kind)
        rows = tuple((0, NOW + 1000 * at, value) for at, value in samples)
        columns = SampleReader(SeriesMap(), self.config.rule_for).of(
            Samples(series=(head,), samples=rows)
        )
        batch, dropped = take(columns, NOW + 10**9, 0, 2 * 10**9)
        assert not dropped
        outcome = self.scorer.score(batch, [self.records.get(key) for _, key in batch.keys])
        for write in outcome.writes:
            rest = self.records.get(write.key, b"")[len(write.span) :]
            self.records[write.key] = write.span + (b"" if write.mode is Mode.WHOLE else rest)
        return outcome


def alarms(outcome: Outcome) -> list[float]:
    bodies = [body for write in outcome.writes for _, body in write.outputs]
    return [Anomaly.model_validate_json(body).value for body in bodies]


def test_evidence_on_the_line_is_no_alarm_and_above_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    judged = Judged(monkeypatch, Rule())
    assert alarms(judged((1, 11.0), (2, 11.5), (3, 10.0))) == [11.5]


def test_nothing_alarms_before_its_history_is_long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    judged = Judged(monkeypatch, Rule(min_history=3))
    assert alarms(judged((1, 50.0), (2, 51.0), (3, 52.0), (4, 53.0))) == [53.0]


@pytest.mark.parametrize(
    ("direction", "expected"), [("up", [15.0]), ("down", [5.0]), ("both", [15.0, 5.0])]
)
def test_only_the_wanted_direction_alarms(
    monkeypatch: pytest.MonkeyPatch, direction: str, expected: Sequence[float]
) -> None:
    judged = Judged(monkeypatch, Rule(detection_direction=direction))
    assert alarms(judged((1, 15.0), (2, 5.0))) == expected


def test_a_deviation_too_small_to_matter_does_not_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    assert alarms(Judged(monkeypatch, Rule(min_dev_from_expected=4))((1, 13.0), (2, 14.0))) == [
        14.0
    ]
    relative = Judged(monkeypatch, Rule(min_rel_dev_from_expected=0.5))
    assert alarms(relative((1, 14.0), (2, 15.0))) == [15.0]


def test_a_duration_must_pass_without_a_break(monkeypatch: pytest.MonkeyPatch) -> None:
    judged = Judged(monkeypatch, Rule(duration=60))
    assert alarms(judged((0, 20.0), (30, 21.0), (59, 22.0))) == []
    assert alarms(judged((60, 23.0), (90, 24.0))) == [23.0, 24.0]
    assert alarms(judged((120, 10.0), (150, 25.0))) == []


def test_a_counter_is_judged_by_its_rate_and_that_of_a_restart_is_not_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judged = Judged(monkeypatch, Rule(), kind="counter")
    assert alarms(judged((10, 1_000.0))) == []
    assert alarms(judged((20, 1_100.0), (30, 1_200.0))) == []
    assert alarms(judged((40, 900.0))) == []
    assert alarms(judged((50, 1_200.0))) == [30.0]


def test_a_scrape_of_a_copy_that_lags_behind_is_no_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    judged = Judged(monkeypatch, Rule(min_dev_from_expected=0.5), kind="counter")
    judged((10, 1_000.0), (20, 1_100.0))
    assert alarms(judged((30, 1_090.0))) == [0.0]
    assert alarms(judged((40, 1_200.0), (50, 1_300.0))) == []


def test_only_samples_later_than_the_last_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    judged = Judged(monkeypatch, Rule())
    judged((10, 10.0), (20, 10.0))
    outcome = judged((20, 99.0), (15, 99.0), (30, 10.0))
    assert outcome.accepted == [1]
    assert sorted(reason for _, reason, _ in outcome.rejected) == ["duplicate", "late"]


def test_of_two_values_for_one_time_the_first_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    judged = Judged(monkeypatch, Rule())
    assert alarms(judged((10, 20.0), (10, 30.0))) == [20.0]


def test_nothing_is_written_for_a_series_that_accepted_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judged = Judged(monkeypatch, Rule())
    judged((10, 10.0))
    assert judged((5, 10.0)).writes == []


def test_rules_choose_by_metric_and_labels_and_the_first_counts() -> None:
    series = SeriesMap().read(SeriesHead(metric="cpu", labels={"service": "checkout"}))
    config = DetectConfig(
        rules=(
            Rule(match=Selector(metric="memory")),
            Rule(match=Selector(metric="cpu", labels={"service": "check.*"})),
            Rule(match=Selector(labels={"pod": ""})),
        )
    )
    assert config.rule_for(series) == 1
    other = SeriesMap().read(SeriesHead(metric="cpu", labels={"service": "cart"}))
    assert config.rule(config.rule_for(other)) is config.rules[2]
    third = SeriesMap().read(SeriesHead(metric="cpu", labels={"pod": "p"}))
    assert config.rule(config.rule_for(third)) is config.default


def test_a_detector_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(
        Misconfigured, match="no detector named 'x'; there is baseline, forecast, static"
    ):
        Scorer(DetectConfig(default=Rule(detector="x")), "test")


def test_a_score_rises_from_0_at_the_line_towards_1_and_severity_with_it() -> None:
    line = np.full(5, 2.0)
    score = score_of(np.array([0.0, 2.0, 4.0, 20.0, 1e300]), line)
    assert score.tolist() == [0.0, 0.0, 0.5, 0.9, 1.0]
    assert [severity_of(s) for s in (0.0, 0.3, 0.5, 0.7, 0.9)] == [1, 2, 3, 4, 5]


def test_a_series_whose_detector_changed_leaves_nothing_of_the_old_one_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judged = Judged(monkeypatch, Rule())
    judged((0, 10.0))
    judged.scorer = Scorer(DetectConfig(default=Rule(detector="another")), "test")
    (write,) = judged((1, 10.0)).writes
    assert (write.mode, len(write.span)) == (Mode.WHOLE, len(judged.records[write.key]))


def test_a_lifetime_begins_anew_with_the_first_sample_of_a_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judged = Judged(monkeypatch, Rule())
    hour = 3_600
    modes = [judged((hour * at, 10.0)).writes[0].mode for at in (0, 1, 23, 24, 25, 97)]
    patch, renew = Mode.PATCH, Mode.RENEW
    assert modes == [Mode.WHOLE, patch, patch, renew, patch, renew]


def test_a_counter_that_grows_beyond_all_numbers_has_no_rate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judged = Judged(monkeypatch, Rule(), kind="counter")
    (write,) = judged((0, -1.7e308), (1, 1.7e308)).writes
    assert write.outputs == ()
