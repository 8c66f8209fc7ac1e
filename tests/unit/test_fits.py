"""What fits leave: bands that hold what comes next, forests that score as scikit-learn's do."""

import numpy as np
import pytest

from aiops.history import History
from functions.train import band, forest
from functions.train.fit import DAY_MS, HOUR_MS, Model, Span, Unfit
from functions.train.fits import isolation_forest, luminaire, prophet
from functions.train.rollup import bridged, rolled, step_of, thinned

NOW = 1_767_571_200_000
"""A Monday, 5 January 2026, 0:00 UTC."""
MINUTES = 60_000


def course(time, weekend=0.0, zone=0):
    day = np.sin(2 * np.pi * (time + zone) / DAY_MS)
    free = ((time + zone) // DAY_MS + 3) % 7 >= 5
    return 100.0 + 20.0 * day - weekend * free


def history(days=14.0, step=10 * MINUTES, noise=2.0, scale=1.0, seed=1, **kind):
    time = np.arange(NOW - int(days * DAY_MS), NOW, step)
    value = course(time, **kind) + np.random.default_rng(seed).normal(0, noise, len(time))
    return History(time, scale * value)


def ahead(hours=24):
    return np.arange(NOW, NOW + hours * HOUR_MS, 7 * MINUTES)


def fitted(fit, past, days=None):
    span = Span(NOW, NOW + fit.horizon_ms, days or (past.time[-1] - past.time[0]) / DAY_MS)
    return fit.fit(past, span, lambda _: None)


def outside(model, time, value):
    return float(np.mean(band.evidence(model, time, value) > 1.0))


# roll-ups and lines


def test_roll_ups_are_means_and_gaps_stay_gaps():
    points = History(np.array([0, 5, 10, 31]), np.array([1.0, 3.0, 8.0, 4.0]))
    time, mean = rolled(points, 10)
    assert time.tolist() == [0, 10, 20, 30]
    np.testing.assert_array_equal(mean, [2.0, 8.0, np.nan, 4.0])
    assert bridged(mean).tolist() == [2.0, 8.0, 6.0, 4.0]


def test_a_history_is_thinned_evenly_and_keeps_its_noise():
    past = history(step=MINUTES)
    few = thinned(past, 6_000)
    assert 5_000 < len(few.time) <= 6_000
    assert step_of(few) == 4 * MINUTES
    assert np.std(np.diff(few.value)) > 2.0
    assert thinned(past, 10**6).time.tolist() == past.time.tolist()


def test_the_line_is_crossed_about_as_often_as_the_budget_says():
    sizes = np.abs(np.random.default_rng(2).exponential(1.0, 200_000))
    line = band.tail_line(sizes[:4_032], 288.0)
    a_day = np.mean(sizes > line) * 288.0
    assert 0.02 < a_day < 0.5


def test_outliers_in_a_history_hardly_widen_a_band():
    residual = np.random.default_rng(3).normal(0, 1, 4_032)
    clean = band.margin_of(residual, 1.0, 5 * MINUTES)
    residual[::200] = 50.0
    assert band.margin_of(residual, 1.0, 5 * MINUTES) < 1.5 * clean


def test_a_grid_holds_the_span_and_a_band_runs_straight_between_its_points():
    span = Span(NOW + 1, NOW + 600_001, 14.0)
    grid = band.grid_of(span, 1_000)
    assert grid.tolist() == [NOW, NOW + 300_000, NOW + 600_000, NOW + 900_000]
    made = band.band(grid, np.array([0.0, 10.0, 20.0, 20.0]), np.full(4, 5.0), 3.0, "r")
    assert made.arrays["expected"].dtype == np.float32
    time = np.array([NOW + 150_000, NOW + 750_000])
    assert band.at(made, time)["upper"].tolist() == [10.0, 25.0]
    assert band.evidence(made, time, np.array([10.0, 10.0])).tolist() == [1.0, 2.0]


def test_a_band_that_is_not_finite_is_none():
    grid = band.grid_of(Span(NOW, NOW + HOUR_MS, 1.0), 300_000)
    with pytest.raises(Unfit):
        band.band(grid, np.full(len(grid), np.inf), np.ones(len(grid)), 3.0, "r")
    with pytest.raises(Unfit):
        band.band(grid, np.zeros(len(grid)), np.zeros(len(grid)), 3.0, "r")
    with pytest.raises(Unfit):
        band.margin_of(np.zeros(10), 0.0, 300_000)


# Prophet


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e9])
def test_prophet_leaves_a_band_that_holds_the_next_day_whatever_the_unit(scale):
    model = fitted(prophet.Fit(), history(scale=scale))
    time = ahead(30)
    error = np.abs(band.at(model, time)["expected"] / scale - course(time))
    assert error.mean() < 1.0
    coming = course(time) + np.random.default_rng(9).normal(0, 2.0, len(time))
    assert outside(model, time, scale * coming) < 0.01
    assert outside(model, time, scale * (coming + 25.0)) > 0.99
    assert model.params["step"] == 10 * MINUTES
    assert 36 * 6 <= len(model.arrays["expected"]) <= 36 * 6 + 2


def test_prophets_analytic_width_is_the_width_of_what_it_samples():
    from prophet import Prophet

    past = history()
    made = prophet.Fit()
    points, _ = made._fitted(past, 14.0)
    spread = np.std(past.value - made._predicted(points, past.time))
    sampling = Prophet(
        daily_seasonality=True,
        weekly_seasonality=prophet.WEEK_WAVES,
        changepoint_range=prophet.BENDS_UNTIL_LAST_WEEK,
        yearly_seasonality=False,
        interval_width=0.95,
        uncertainty_samples=1000,
    )
    sampling.fit(made._frame(past.time, past.value))
    sampled = sampling.predict(made._frame(ahead(24)))
    half = float((sampled["yhat_upper"] - sampled["yhat_lower"]).mean()) / 2
    assert half == pytest.approx(1.96 * spread, rel=0.06)


def test_a_week_is_learned_from_two_of_them_and_not_from_one():
    day = NOW + np.arange(0, DAY_MS, HOUR_MS)
    days = np.concatenate([day + DAY_MS, day + 5 * DAY_MS])  # a Tuesday and a Saturday
    fit = prophet.Fit(horizon_hours=168)
    two = fitted(fit, history(days=14, weekend=30.0))
    one = fitted(fit, history(days=7, weekend=30.0))
    assert "weekly" in two.reason
    assert "weekly" not in one.reason
    wanted = course(days, weekend=30.0)
    assert np.abs(band.at(two, days)["expected"] - wanted).mean() < 8.0
    assert np.abs(band.at(one, days)["expected"] - wanted).mean() > 12.0


def test_a_trial_on_less_than_two_weeks_has_the_seasons_of_the_whole():
    assert "weekly" in fitted(prophet.Fit(), history(days=12), days=14.0).reason


def test_on_a_holiday_a_working_days_values_and_a_sundays_are_both_usual():
    """Tuesday, 6 January, is a holiday in Austria, and no history of two weeks knows it."""
    past = history(weekend=30.0)
    plain = fitted(prophet.Fit(horizon_hours=60), past)
    told = fitted(prophet.Fit(horizon_hours=60, country="AT"), past)
    holiday = NOW + DAY_MS + np.arange(0, DAY_MS, HOUR_MS)
    sunday = course(holiday) - 30.0
    assert outside(plain, holiday, sunday) > 0.9
    assert outside(told, holiday, sunday) == 0.0
    assert outside(told, holiday, course(holiday)) == 0.0
    monday = NOW + np.arange(0, DAY_MS, HOUR_MS)
    assert outside(told, monday, course(monday) - 30.0) > 0.6


def test_clocks_that_go_back_do_not_shuffle_the_hours():
    """In Berlin the hour from 2 to 3 comes twice on 25 October 2026."""
    change = 1_792_800_000_000  # 24 October, 0:00 UTC
    time = np.arange(change - 14 * DAY_MS, change, 10 * MINUTES)
    past = History(time, course(time) + np.random.default_rng(1).normal(0, 1, len(time)))
    fit = prophet.Fit(horizon_hours=48, time_zone="Europe/Berlin")
    model = fit.fit(past, Span(change, change + 2 * DAY_MS, 14.0), lambda _: None)
    steps = np.abs(np.diff(model.arrays["expected"].astype(float)))
    assert np.sort(steps)[-3:].max() < 10.0
    local = 2 * HOUR_MS  # what the clock is ahead of UTC, until the night
    day = np.arange(change, change + DAY_MS, HOUR_MS)
    assert np.abs(band.at(model, day)["expected"] - course(day)).mean() < 2.0
    after = np.arange(change + DAY_MS + 6 * HOUR_MS, change + 2 * DAY_MS, HOUR_MS)
    by_the_clock = course(after + HOUR_MS - local, zone=local)
    shifted = np.abs(band.at(model, after)["expected"] - by_the_clock).mean()
    assert shifted < 8.0


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"horizon_hours": 0.5}, "horizon_hours"),
    ],
)
def test_a_wrong_parameter_is_named(params, named):
    with pytest.raises(ValueError, match=named):
        prophet.Fit(**params)


def test_prophet_refuses_what_it_cannot_learn_from():
    with pytest.raises(Unfit, match="72 points"):
        fitted(prophet.Fit(), history(days=0.5), days=0.5)
    flat = history()
    with pytest.raises(Unfit):
        fitted(prophet.Fit(), History(flat.time, np.full(len(flat.time), 5.0)))


# Isolation Forest


def test_flat_arrays_score_as_scikit_learns_forest_does():
    from sklearn.ensemble import IsolationForest

    past = history(step=5 * MINUTES)
    model = fitted(isolation_forest.Fit(), past)
    looked_at = forest.features(past.time, past.value, 0.1)
    made = IsolationForest(n_estimators=50, max_samples=64, random_state=0).fit(looked_at)
    strange = np.random.default_rng(4).normal(0, 3, (2_000, 5)) * looked_at.std(axis=0)
    every = np.concatenate([looked_at, looked_at.mean(axis=0) + strange])
    mine, theirs = forest.scores(model.params, model.arrays, every), -made.score_samples(every)
    assert np.abs(mine - theirs).max() < 2e-4
    offset = model.params["offset"]
    sure = np.abs(theirs - offset) > 2e-4
    assert np.array_equal(mine[sure] > offset, theirs[sure] > offset)


def test_a_forest_is_small_and_of_one_shape():
    model = fitted(isolation_forest.Fit(), history())
    shapes = {array.shape for array in model.arrays.values()}
    assert len(shapes) == 1
    assert {name: array.dtype.str for name, array in model.arrays.items()} == {
        "feature": "<i2",
        "threshold": "<f4",
        "left": "<u2",
        "right": "<u2",
        "path": "<f2",
    }
    assert sum(array.nbytes for array in model.arrays.values()) < 80_000
    assert model.params["depth"] <= 6


def test_a_leaf_leads_to_itself_so_that_all_trees_may_descend_alike():
    arrays = fitted(isolation_forest.Fit(trees=3), history()).arrays
    places = np.broadcast_to(np.arange(arrays["left"].shape[1]), arrays["left"].shape)
    leaf = arrays["feature"] < 0
    assert np.array_equal(arrays["left"][leaf], places[leaf])
    assert np.array_equal(arrays["right"][leaf], places[leaf])
    assert np.array_equal(arrays["path"] > 0, arrays["path"] != 0)


def test_a_forest_sees_a_value_that_is_usual_but_not_at_this_time():
    past = history(noise=1.0)
    model = fitted(isolation_forest.Fit(trees=200, samples=256), past)
    tail = History(past.time[-300:], past.value[-300:].copy())
    usual = forest.evidence(model, tail.time, tail.value)
    tail.value[150] = 80.0 if tail.value[150] > 100 else 120.0
    assert forest.evidence(model, tail.time, tail.value)[150] > np.quantile(usual, 0.99)


def test_few_points_flat_lines_and_wrong_parameters_make_no_forest():
    with pytest.raises(Unfit, match="a forest takes 50"):
        fitted(isolation_forest.Fit(), history(days=0.2), days=1.0)
    flat = history()
    with pytest.raises(Unfit, match="does not move"):
        fitted(isolation_forest.Fit(), History(flat.time, np.ones(len(flat.time))))
    for params in ({"trees": 0}, {"samples": 1}, {"alpha": 0.0}, {"horizon_hours": 0.0}):
        with pytest.raises(ValueError, match=r"to|above"):
            isolation_forest.Fit(**params)


# Luminaire


@pytest.mark.parametrize("scale", [1.0, 1e-3])
def test_luminaire_leaves_a_band_that_holds_the_next_day_small_units_included(scale):
    model = fitted(luminaire.Fit(), history(scale=scale))
    time = ahead(24)
    error = np.abs(band.at(model, time)["expected"] / scale - course(time))
    assert error.mean() < 2.0
    coming = scale * (course(time) + np.random.default_rng(9).normal(0, 2.0, len(time)))
    assert outside(model, time, coming) < 0.01
    assert outside(model, time, coming + scale * 30.0) > 0.95
    assert model.params["start"] <= NOW
    assert (
        model.params["start"] + model.params["step"] * (len(model.arrays["lower"]) - 1)
        >= NOW + 36 * HOUR_MS
    )


def test_luminaire_refuses_what_it_cannot_learn_from():
    with pytest.raises(Unfit, match="Luminaire takes 144"):
        fitted(luminaire.Fit(), history(days=3.0))
    gappy = history()
    every_third = (gappy.time // HOUR_MS) % 3 > 0
    with pytest.raises(Unfit, match="empty"):
        fitted(luminaire.Fit(), History(gappy.time[every_third], gappy.value[every_third]))
    flat = History(gappy.time, np.ones(len(gappy.time)))
    with pytest.raises(Unfit, match="does not move"):
        fitted(luminaire.Fit(), flat)
    assert luminaire.Fit().last_day(flat, print) is None
    for params in ({"roll_up": "weekly"}, {"horizon_hours": 48.0}):
        with pytest.raises(ValueError, match=r"roll_up|horizon_hours"):
            luminaire.Fit(**params)


@pytest.mark.slow
def test_a_day_that_is_spread_otherwise_is_found_and_a_usual_one_is_not():
    past = history()
    assert luminaire.Fit().last_day(past, lambda _: None) is None
    past.value[-144:] += 15.0
    found = luminaire.Fit().last_day(past, lambda _: None)
    assert found is not None
    assert found.value > found.upper
    assert found.evidence > 3.0
    assert NOW - 2 * HOUR_MS < found.time <= NOW
    assert luminaire.Fit(last_day=False).last_day(past, print) is None


def test_models_say_what_they_are():
    model = fitted(isolation_forest.Fit(), history())
    assert isinstance(model, Model)
    assert model.reason == "Isolation Forest of 50 trees on 2016 points"
