"""Series with fitted models: who scores them, what is kept and asked for, and when it is over."""

import numpy as np
import pytest

from aiops.events import ChangeObserved
from aiops.history import HISTORY_CHUNK_MS, POINT, History
from functions.detect.config import DetectConfig, Rule
from tests.detecting import (
    DAY,
    HEAD,
    HOUR,
    MINUTE,
    NAMES,
    START,
    Detecting,
    band,
    minutes,
    noise,
)  # fmt: skip


def prophet(**fields) -> DetectConfig:
    return DetectConfig(default=Rule(detector="prophet", **fields))


@pytest.fixture
def detecting() -> Detecting:
    return Detecting(prophet())


def test_a_model_scores_from_when_it_is_fitted_on_and_the_baseline_before(detecting) -> None:
    assert detecting.feed(minutes(START, [*noise(200), 500.0]))[0].detector == "baseline"
    now = START + 201 * MINUTE
    assert detecting.fit(band(now)) == {"models_taken": 1}
    found = detecting.feed(minutes(now, [109.9, 110.1, 89.0, 100.0]))
    assert [one.value for one in found] == [110.1, 89.0]
    assert found[1].detector == "prophet"
    assert found[1].reason == "89 is below what is usual at this time, 90 to 110"
    edges = (found[1].expected, found[1].lower, found[1].upper)
    assert (*edges, found[1].alarm_line) == (100.0, 90.0, 110.0, 1.0)
    assert found[1].evidence == pytest.approx(1.1)


def test_a_model_needs_no_history_of_the_baseline(detecting) -> None:
    detecting.fit(band(START))
    assert [one.value for one in detecting.feed(minutes(START, [150.0]))] == [150.0]


def test_where_the_model_is_too_old_the_baseline_scores_and_says_so(detecting) -> None:
    detecting.fit(band(START, hours=2))
    until = START + 2 * HOUR
    assert detecting.feed(minutes(START, noise(120))) == []
    found = detecting.feed(minutes(until, [*noise(30, seed=2), 400.0]))
    assert [(one.detector, one.value) for one in found] == [("baseline", 400.0)]
    assert found[0].reason.endswith("(the model has expired: baseline)")


def test_where_there_is_no_model_yet_the_reason_says_so(detecting) -> None:
    (found,) = detecting.feed(minutes(START, [*noise(200), 500.0]))
    assert found.reason.endswith("(no model yet: baseline)")


def test_a_model_that_is_lost_is_missed_and_asked_for(detecting) -> None:
    detecting.feed(minutes(START, noise(200)))
    detecting.fit(band(START + 200 * MINUTE))
    detecting.models.packed.clear()
    assert [one.reason for one in detecting.asked()] == ["history"]
    (found,) = detecting.feed(minutes(START + 200 * MINUTE, [500.0]))
    assert found.reason.endswith("(the model is missing: baseline)")
    assert [one.reason for one in detecting.asked()] == ["age"]


def test_a_model_is_fetched_once(detecting, monkeypatch) -> None:
    detecting.fit(band(START))
    detecting.feed(minutes(START, [100.0]))
    monkeypatch.setattr(type(detecting.models), "fetch", lambda *_: pytest.fail("fetched again"))
    assert len(detecting.feed(minutes(START + MINUTE, [100.0, 150.0]))) == 1


def test_an_older_model_that_is_told_of_late_or_again_changes_nothing(detecting) -> None:
    detecting.feed(minutes(START, noise(5)))
    newer, older = band(START + 20 * MINUTE), band(START + 10 * MINUTE, level=500.0)
    assert detecting.fit(newer) == {"models_taken": 1}
    before = dict(detecting.store.records)
    assert detecting.fit(older) == {"models_known": 1}
    assert detecting.fit(newer) == {"models_known": 1}
    assert detecting.store.records == before
    assert detecting.feed(minutes(START + 30 * MINUTE, [101.0])) == []


def test_bytes_that_are_no_model_are_as_good_as_none(detecting) -> None:
    made = band(START)
    detecting.fit(made)
    key = NAMES.read(HEAD)
    for broken in (b"AIM1", made.pack()[:-4], band(START + 1).pack()):
        detecting.models.packed[key.shard, key.key, START] = broken
        detecting.begin_again()
        detecting.feed(minutes(detecting.clock.ms + MINUTE, [1e6]))
    assert detecting.header()["count"] == 3


def test_the_first_sample_of_each_step_is_kept_as_history(detecting) -> None:
    detecting.feed(minutes(START + 2 * MINUTE, range(14)), size=5)
    series = NAMES.read(HEAD)
    kept = history(detecting, series)
    assert kept.tolist() == [
        (START + 2 * MINUTE, 0.0), (START + 5 * MINUTE, 3.0), (START + 10 * MINUTE, 8.0),
        (START + 15 * MINUTE, 13.0),
    ]  # fmt: skip


def test_history_of_a_counter_is_its_rate(detecting) -> None:
    head = HEAD.model_copy(update={"kind": "counter"})
    detecting.feed(minutes(START, range(0, 60 * 60, 60)), head=head, size=7)
    kept = history(detecting, NAMES.read(head))
    assert len(kept) == 11
    assert set(kept["value"].tolist()) == {1.0}


def test_plain_series_keep_no_history_and_ask_for_nothing() -> None:
    detecting = Detecting(DetectConfig())
    detecting.feed([(START + n * HOUR, 1.0) for n in range(150)])
    assert history(detecting, NAMES.read(HEAD)) is None
    assert detecting.asked() == []


def test_a_model_is_asked_for_once_there_is_history_and_again_less_and_less_often(
    detecting,
) -> None:
    detecting.config = prophet(params={"changepoints": 5})
    detecting.begin_again()
    detecting.feed([(START + n * 10 * MINUTE, 1.0 * (n % 7)) for n in range(3 * 144 + 1)])
    asked = detecting.asked()
    assert [(one.reason, one.detector, one.since) for one in asked] == [
        ("history", "prophet", 0)
    ] * len(asked)
    assert asked[0].params == {"changepoints": 5}
    assert asked[0].head == HEAD
    assert [(one.requested_at - START) / HOUR for one in asked] == [16.5, 48.0, 60.0]


def test_a_model_is_asked_for_again_when_it_has_lived_three_quarters_of_its_life(
    detecting,
) -> None:
    detecting.fit(band(START, hours=24))
    detecting.feed(minutes(START, noise(18 * 60)), size=10)
    assert detecting.asked() == []
    detecting.feed(minutes(START + 18 * HOUR + MINUTE, noise(2)))
    assert [one.reason for one in detecting.asked()] == ["age"]


def test_a_lasting_change_ends_the_alarms_and_asks_for_another_model() -> None:
    detecting = Detecting(prophet(drift_after=3600))
    detecting.fit(band(START, hours=48))
    assert detecting.feed(minutes(START, noise(300)), size=10) == []
    shift = START + 300 * MINUTE
    found = detecting.feed(minutes(shift, noise(1000, level=160.0)), size=10)
    assert found[0].time == shift
    assert {one.detector for one in found if one.time < shift + HOUR} == {"prophet"}
    assert found[-1].time <= shift + HOUR + 2 * MINUTE
    assert detecting.asked()[0].reason == "drift"
    (last,) = detecting.feed(minutes(shift + DAY, [900.0]))
    assert last.reason.endswith("(the model was given up: baseline)")


def test_an_incident_shorter_than_that_does_not_end_a_model() -> None:
    detecting = Detecting(prophet(drift_after=3600))
    detecting.fit(band(START, hours=48))
    incident = np.concatenate([noise(50, level=160.0), noise(200), noise(50, level=160.0)])
    found = detecting.feed(minutes(START, [*incident, *noise(100), 300.0]), size=10)
    assert (len(found), found[-1].detector) == (101, "prophet")
    assert detecting.asked() == []


def test_a_model_made_before_the_drift_does_not_come_back(detecting) -> None:
    detecting.config = prophet(drift_after=600)
    detecting.begin_again()
    made = band(START)
    detecting.fit(made)
    detecting.feed(minutes(START, noise(60, level=200.0)))
    assert detecting.header()["model"] < 0
    assert detecting.fit(made) == {"models_known": 1}
    assert detecting.fit(band(START + HOUR, level=200.0)) == {"models_taken": 1}
    (found,) = detecting.feed(minutes(START + HOUR, [200.0, 100.0]))
    assert (found.detector, found.value) == ("prophet", 100.0)


def test_a_new_trend_forgets_the_past_and_asks_for_a_model_of_what_came_since(detecting) -> None:
    detecting.fit(band(START, hours=60))
    (found, *_) = detecting.feed(minutes(START, [*noise(120), *noise(3, level=300.0)]))
    said = found.time + 10 * MINUTE
    assert detecting.say(found, "new_trend", said) == {"verdicts": 1}
    header = detecting.header()
    assert (header["since"], header["model"], header["count"]) == (-found.time, -said, 0)
    before = dict(detecting.store.records)
    assert detecting.say(found, "new_trend", said) == {"verdicts_known": 1}
    assert detecting.store.records == before
    later = [(said + n * 10 * MINUTE, 300.0 + n % 5) for n in range(1, 300)]
    assert detecting.feed(later) == []
    (asked,) = detecting.asked()
    assert (asked.reason, asked.since) == ("new_trend", found.time)
    assert asked.requested_at - found.time >= 2 * DAY


def test_nothing_alarms_in_the_time_set_for_learning_unless_a_model_scores() -> None:
    detecting = Detecting(prophet(learn_for=6 * 3600))
    assert detecting.feed(minutes(START, [*noise(300), 1e4])) == []
    later = minutes(START + 301 * MINUTE, [*noise(90), 1e5])
    assert [one.value for one in detecting.feed(later)] == [1e5]
    other = Detecting(prophet(learn_for=6 * 3600))
    other.fit(band(START))
    assert [one.value for one in other.feed(minutes(START, [150.0]))] == [150.0]


def test_the_past_of_a_series_is_scored_the_same_in_any_batches() -> None:
    values = [*noise(80), 150.0, *noise(40), 40.0, *noise(10, level=180.0)]
    outcomes = []
    for size in (1, 7, 131):
        detecting = Detecting(prophet(drift_after=300))
        detecting.fit(band(START))
        found = detecting.feed(minutes(START, values), size=size)
        outcomes.append(([one.model_dump() for one in found], detecting.store.records))
    assert outcomes[0] == outcomes[1] == outcomes[2]


def history(detecting: Detecting, series) -> np.ndarray | None:
    chunks = {
        key: content
        for key, content in detecting.store.history.items()
        if key[:2] == (series.shard, series.key)
    }
    assert all(
        (np.frombuffer(bytes(packed), POINT)["time"] // HISTORY_CHUNK_MS == key[2]).all()
        for key, packed in chunks.items()
    )
    if not chunks:
        return None
    return np.concatenate([np.frombuffer(bytes(chunks[key]), POINT) for key in sorted(chunks)])


def test_a_change_of_its_service_lets_a_series_be_learned_anew_once_where_the_rule_says_so() -> (
    None
):
    told = []
    for relearn in (True, False):
        detecting = Detecting(prophet(relearn_on_change=relearn))
        detecting.fit(band(START, hours=24))
        detecting.feed(minutes(START, noise(200)), size=10)
        at = START + 200 * MINUTE
        change = ChangeObserved(service="shop", kind="deploy", observed_at=at)
        assert detecting.tell(change, at) == {"changes": 1}
        elsewhere = ChangeObserved(service="cart", kind="deploy", observed_at=at + 5 * MINUTE)
        detecting.tell(elsewhere, at)
        told.append(detecting.feed(minutes(at, noise(90, level=300.0)), size=10))
        detecting.tell(change, at)
        header = detecting.header()
        assert (header["count"], header["since"] < 0) == ((90, True) if relearn else (290, False))
    assert told[0] == []
    assert len(told[1]) == 90


def test_samples_are_kept_for_plots_where_that_is_configured():
    detecting = Detecting(DetectConfig(default=Rule(keep_history=True, history_step=60.0)))
    points = [(START + minute * MINUTE, float(minute)) for minute in range(5)]
    detecting.feed(points)
    (packed,) = detecting.store.history.values()
    assert History.of(packed).value.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    plain = Detecting(DetectConfig())
    plain.feed(points)
    assert plain.store.history == {}
