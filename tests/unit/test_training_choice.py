"""What is fitted to a history, whether it is used, and what is said of it."""

import math
import re

import numpy as np
import pytest

from aiops.artefact import Artefact
from aiops.history import History
from functions.train import acceptance, procedure
from functions.train.baseline import baseline
from functions.train.choice import choose, seasons
from functions.train.fit import DAY_MS, Model, Unfit
from functions.train.procedure import Task, serve
from tests.train_worker import FITS, Steadfast
from tests.unit.test_fits import MINUTES, NOW, course, history


def noise(days=14.0, step=10 * MINUTES, seed=1):
    time = np.arange(NOW - int(days * DAY_MS), NOW, step)
    return History(time, 100 + np.random.default_rng(seed).normal(0, 2, len(time)))


def flat_band(low, high):
    points = 1_000
    arrays = {
        "expected": np.full(points, (low + high) / 2),
        "lower": np.full(points, low),
        "upper": np.full(points, high),
    }
    return Model("band", "flat", {"start": NOW - 3 * DAY_MS, "step": 10 * MINUTES}, arrays)


# the choice


@pytest.mark.parametrize(
    ("past", "detector", "words"),
    [
        (history(), "prophet", "% of its movement repeats daily"),
        (history(weekend=30.0), "prophet", "weekly"),
        (history(step=60 * MINUTES), "luminaire", "harmonics with ARIMA"),
        (noise(), "isolation_forest", "no season"),
        (history(days=1.0), "baseline", "points over 1.0 days"),
        (History(np.arange(NOW - DAY_MS, NOW, DAY_MS), np.ones(1)), "baseline", "1 points"),
        (History(noise().time, noise().value.round(-1)), "baseline", "distinct values"),
        (History(np.empty(0, np.int64), np.empty(0)), "baseline", "0 points"),
    ],
)
def test_the_choice_follows_season_and_history_and_says_so(past, detector, words):
    choice = choose(past)
    assert choice.detector == detector
    assert words in choice.reason


def test_a_week_without_a_daily_course_is_a_season_and_noise_is_none():
    time = history().time
    random = np.random.default_rng(5).normal(0, 2, len(time))
    weekly = course(time, weekend=30.0) - course(time) + random
    found = seasons(History(time, weekly))
    assert found.weekly > 0.8
    assert found.daily < 0.2
    for seed in range(5):
        none = seasons(noise(seed=seed))
        assert max(none.daily, none.weekly) < 0.2


def test_mostly_missing_history_is_the_baselines():
    past = noise()
    kept = (past.time // (60 * MINUTES)) % 3 == 0
    choice = choose(History(past.time[kept], past.value[kept]))
    assert choice.detector == "baseline"
    assert "empty" in choice.reason


# the acceptance


def test_the_last_stretch_is_a_fifth_at_least_a_day_at_most_two():
    for days, held_back in ((4.0, 1.0), (7.0, 1.4), (14.0, 2.0), (60.0, 2.0)):
        head, tail = acceptance.split(noise(days))
        assert (tail.time[-1] - tail.time[0]) / DAY_MS == pytest.approx(held_back, abs=0.02)
        assert len(head.time) + len(tail.time) == len(noise(days).time)
        assert head.time[-1] < tail.time[0]
    with pytest.raises(Unfit, match="held against"):
        acceptance.split(noise(1.5))
    with pytest.raises(Unfit):
        acceptance.split(noise(0.0))


def test_winklers_score_is_the_width_and_the_price_of_what_lies_outside():
    value = np.array([0.0, 5.0, 12.0])
    lower, upper = np.full(3, 1.0), np.full(3, 10.0)
    assert acceptance.interval_score(value, lower, upper) == pytest.approx(9.0 + 200.0 * 3.0 / 3)


def test_a_band_is_better_that_knows_more_of_what_comes_however_wide_it_is_drawn():
    head, tail = acceptance.split(noise())
    beside = Steadfast(expected=104.0)
    good = acceptance.compare(flat_band(91.5, 108.5), beside, head, tail)
    wide = acceptance.compare(flat_band(83, 117), beside, head, tail)
    assert good.better
    assert wide.better
    assert good.quality["winkler"] == pytest.approx(wide.quality["winkler"], rel=0.05)
    assert good.quality["winkler"] < 12.0 < good.quality["winkler_baseline"]
    assert "interval score" in good.reason
    off = acceptance.compare(flat_band(98, 118), Steadfast(), head, tail)
    assert not off.better
    narrow = acceptance.compare(flat_band(98, 102), Steadfast(), head, tail)
    assert not narrow.better
    assert "% of points over its line" in narrow.reason
    assert all(math.isfinite(figure) for figure in good.quality.values())


def test_a_score_a_little_larger_is_forgiven_for_faults_that_are_found():
    def judged(winkler, found):
        return acceptance.Judged(winkler, 0.0, found)

    theirs = judged(10.0, 0.4)
    assert acceptance._weigh(judged(10.9, 0.6), theirs, 0.01)[0]
    assert not acceptance._weigh(judged(10.9, 0.45), theirs, 0.01)[0]
    assert not acceptance._weigh(judged(11.1, 1.0), theirs, 0.01)[0]
    assert acceptance._weigh(judged(9.9, 0.0), theirs, 0.01)[0]
    better, told = acceptance._weigh(judged(float("nan"), 0.3), theirs, 0.01)
    assert not better
    assert told == "30% of moved points stand out, 40% to the baseline"


def test_what_was_moved_is_found_by_whoever_tells_it_from_the_rest():
    _, tail = acceptance.split(noise())
    disturbed, places = acceptance.with_faults(tail)
    moved = np.abs(disturbed.value - tail.value)
    assert len(places) == len(tail.time) // 10 or len(places) == acceptance.FAULTS
    assert np.flatnonzero(moved).tolist() == places.tolist()
    assert moved[places].mean() == pytest.approx(4 * 2.0, rel=0.15)


# the procedure


def task(past, detector, **params):
    return Task("a" * 32, detector, {detector: params}, NOW, past)


@pytest.fixture
def made_up(monkeypatch):
    monkeypatch.setattr(procedure, "load", lambda package, name, kind: FITS[name])


def test_a_model_better_than_the_baseline_leaves_an_artefact_with_its_figures(made_up):
    outcome = serve(task(noise(), "steady", half=9.0), Steadfast, lambda _: None)
    assert outcome.state == "active", outcome.reason
    artefact = Artefact.unpack(outcome.artefact)
    assert (artefact.kind, artefact.detector, artefact.made_at) == ("band", "steady", NOW)
    assert artefact.until == outcome.until == NOW + DAY_MS
    assert artefact.quality["winkler"] < artefact.quality["winkler_baseline"]
    assert artefact.params["start"] == NOW
    assert "interval score" in artefact.reason


def test_a_model_worse_than_the_baseline_is_refused_and_says_by_how_much(made_up):
    outcome = serve(task(noise(), "steady", half=12.0, off=4.0), Steadfast, lambda _: None)
    assert outcome.state == "refused"
    assert re.search(r"worse than the baseline: interval score [\d.]+ against", outcome.reason)
    assert outcome.artefact == b""
    assert outcome.quality["winkler"] > 1.1 * outcome.quality["winkler_baseline"]


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (task(noise(), "nonsense"), "no fit named 'nonsense'"),
        (task(noise(), "prophet", colour="red"), "params of prophet: .*colour"),
        (task(noise(), "prophet", horizon_hours=0), "horizon_hours"),
        (task(noise(1.0), "prophet"), "leave too little"),
    ],
)
def test_what_cannot_be_fitted_has_failed_and_may_be_tried_again(wanted, reason):
    outcome = serve(wanted, baseline, lambda _: None)
    assert outcome.state == "failed"
    assert outcome.until == NOW
    assert re.search(reason, outcome.reason)


def test_auto_that_falls_on_the_baseline_is_no_failure():
    outcome = serve(task(noise(1.0), "auto"), baseline, lambda _: None)
    assert (outcome.state, outcome.detector, outcome.artefact) == ("active", "baseline", b"")


def test_auto_is_held_against_the_baseline_that_ships_and_explains_itself():
    beats = []
    outcome = serve(task(history(), "auto"), baseline, beats.append)
    assert (outcome.state, outcome.detector) == ("active", "prophet"), outcome.reason
    assert "repeats daily" in outcome.reason
    assert "against the baseline's" in outcome.reason
    assert beats[0] == "auto: prophet"
    assert outcome.quality["winkler"] < outcome.quality["winkler_baseline"]


def test_the_baseline_learns_from_a_week_before_the_stretch_however_long_the_history_is():
    class Counting(Steadfast):
        calls = 0

        def score(self, state, time, value):
            type(self).calls += 1
            return super().score(state, time, value)

    past = history(days=40.0, step=5 * MINUTES)
    head, tail = acceptance.split(past)
    acceptance.compare(flat_band(0.0, 1.0), Counting(), head, tail)
    assert Counting.calls == 7 * 288 + len(tail.time)
