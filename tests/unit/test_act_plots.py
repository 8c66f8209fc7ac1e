"""Plots of what was anomalous: what they show, what they bear, and when their libraries load."""

import io
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from aiops.adapters.memory_history import MemoryHistory
from aiops.adapters.memory_series import MemorySeriesStore
from aiops.baseline.detector import Detector
from aiops.errors import Unavailable
from aiops.events import Alert
from aiops.history import History
from aiops.series import shard_of
from functions.act.plots import figure
from functions.act.plots.curve import FEWEST_POINTS, MOST_POINTS, curve_of, rows_of, window
from functions.act.plots.illustrator import HistoryIllustrator
from functions.act.plots.subject import subject
from functions.act.plots.units import unit_of, written
from tests.incidents import START, evidence, incident, suspect

ROOT = Path(__file__).parents[2]
MINUTE = 60_000


def kept(points=200, step=MINUTE, value=0.3):
    time = START + 10 * MINUTE - step * np.arange(points)[::-1]
    values = value + 0.02 * np.sin(np.arange(points))
    values[time >= START] = 0.9
    return History(time.astype(np.int64), values)


def size_of(png):
    with Image.open(io.BytesIO(png)) as picture:
        picture.load()
        return picture.size


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        ("request_latency_p95_seconds", 0.34, "340 ms"),
        ("backup_seconds", 5_400, "1.5 h"),
        ("container_memory_working_set_bytes", 3.3e9, "3.07 GiB"),
        ("request_error_ratio", 0.031, "3.1 %"),
        ("requests_per_second", 1_234, "1.23 k/s"),
        ("container_cpu_usage_cores", 1.5, "1.5 cores"),
        ("restarts", 12_345.6, "12.3 k"),
        ("restarts", 0.0, "0"),
        ("x_seconds", 0.0, "0 s"),
        ("x", -2e15, "-2000 T"),
        ("x", float("nan"), "?"),
    ],
)
def test_values_are_written_in_the_unit_their_metric_names(metric, value, text):
    assert written(value, unit_of(metric)) == text


def test_the_likeliest_causes_strongest_series_is_shown():
    about = incident(root_cause=(suspect("checkout"),))
    assert subject(about).peak.service == "checkout"
    assert subject(incident(root_cause=())).peak.service == "cart"


def test_what_others_found_is_not_drawn():
    alert = evidence("cart", "Down", alert=Alert())
    about = incident(evidence=(alert,))
    assert subject(about) is None
    assert HistoryIllustrator(lambda: None).picture(about) is None


def test_a_curve_shows_the_samples_around_the_anomaly_and_marks_what_lay_outside_in_it():
    piece = evidence("cart", "cpu", 3, value=0.95)
    curve = curve_of(piece, kept())
    since, until = window(piece)
    assert since <= curve.time[0] < curve.time[-1] < until
    assert (piece.peak.time, piece.peak.value) in zip(curve.time, curve.value, strict=True)
    assert curve.time[curve.outside].tolist() == [START, START + MINUTE]


def judged(history, at):
    """Return evidence with what the default detector says of a sample."""
    detector, edges = Detector(), []
    state = np.zeros(1, dtype=detector.dtype)
    for place in range(len(history.time)):
        now = slice(place, place + 1)
        scores = detector.score(state, history.time[now], history.value[now])
        edges.append((scores.lower[0], scores.expected[0], scores.upper[0]))
    lower, expected, upper = map(float, edges[at])
    piece = evidence(
        "cart", "cpu", 10, value=float(history.value[at]), time=int(history.time[at]),
        lower=lower, expected=expected, upper=upper,
    )  # fmt: skip
    return piece, np.array(edges)


def test_the_default_detectors_band_is_found_again_all_along():
    history = kept(600)
    at = int(np.searchsorted(history.time, START))
    piece, edges = judged(history, at)
    curve = curve_of(piece, history)
    assert curve.moving
    shown = np.searchsorted(history.time, curve.time)
    assert np.allclose(curve.lower, edges[shown, 0])
    assert np.allclose(curve.upper, edges[shown, 2])
    assert len(np.unique(curve.upper)) > 1


@pytest.mark.parametrize(
    "changes", [{"upper": 5.0}, {"lower": -5.0}, {"detector": "prophet"}], ids=str
)
def test_a_band_that_does_not_come_to_what_the_anomaly_says_is_not_shown(changes):
    history = kept(600)
    piece, _ = judged(history, int(np.searchsorted(history.time, START)))
    piece = piece.model_copy(update={"peak": piece.peak.model_copy(update=changes)})
    curve = curve_of(piece, history)
    assert not curve.moving
    assert set(curve.upper) == {piece.peak.upper}
    assert set(curve.lower) == {piece.peak.lower}


def test_a_band_that_comes_near_what_the_anomaly_says_is_stretched_to_come_to_it():
    history = kept(600)
    at = int(np.searchsorted(history.time, START))
    piece, _ = judged(history, at)
    wide = {"upper": piece.peak.upper * 1.05, "lower": piece.peak.lower * 0.95}
    piece = piece.model_copy(update={"peak": piece.peak.model_copy(update=wide)})
    curve = curve_of(piece, history)
    place = int(np.searchsorted(curve.time, START))
    assert curve.moving
    assert curve.upper[place] == pytest.approx(wide["upper"])
    assert curve.lower[place] == pytest.approx(wide["lower"])
    assert curve.expected[place] == pytest.approx(piece.peak.expected)


def test_few_samples_make_no_curve_and_many_are_thinned_without_losing_the_peak():
    piece = evidence("cart", "cpu", value=7.0)
    assert curve_of(piece, kept(FEWEST_POINTS - 1)) is None
    dense = curve_of(piece, kept(20_000, 1_000))
    assert len(dense.time) <= MOST_POINTS + 1
    assert 7.0 in dense.value


def test_a_series_is_a_small_picture_that_is_worth_looking_at():
    png = figure.of_series(curve_of(evidence("cart", "container_cpu_usage_ratio", 6), kept()))
    assert 5_000 < len(png) < 40_000
    width, height = size_of(png)
    assert width >= 600
    assert height >= 300


def test_without_samples_the_picture_says_when_which_series_was_anomalous():
    about = incident()
    png = figure.of_incident(about.title, rows_of(about))
    assert 3_000 < len(png) < 40_000
    assert size_of(png)[0] >= 600


numbers = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=12, deadline=None, phases=(Phase.explicit, Phase.generate))
@example(name="", value=0.0, edges=(0.0, 0.0, 1e105))
@example(name="\U0001f525 服务", value=1.7e308, edges=(-1.7e308, 0.0, 1.7e308))
@given(name=st.text(max_size=60), value=numbers, edges=st.tuples(numbers, numbers, numbers))
def test_whatever_a_series_is_called_and_shows_it_can_be_drawn(name, value, edges):
    lower, expected, upper = sorted(edges)
    piece = evidence(
        "$x^{", f"{name}$\\frac{{", value=value, lower=lower, upper=upper, expected=expected
    )
    about = incident(title=name, evidence=(piece,), root_cause=())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert size_of(figure.of_incident(about.title, rows_of(about)))
        history = kept()
        wild = History(history.time, np.resize([value, 0.0, lower], len(history.time)))
        assert size_of(figure.of_series(curve_of(piece, wild)))


class Away:
    def read(self, places, since, until):
        raise Unavailable("redis: away")


def test_where_history_is_kept_it_is_read_and_where_it_is_away_the_snapshot_is_drawn():
    about = incident()
    piece = subject(about)
    store = MemorySeriesStore()
    place = (shard_of(piece.peak.series), piece.peak.series)
    store.history = {(*place, chunk): packed for chunk, packed in kept().chunks().items()}
    known = HistoryIllustrator(lambda: MemoryHistory(store)).picture(about)
    empty = HistoryIllustrator(lambda: MemoryHistory(MemorySeriesStore())).picture(about)
    away = HistoryIllustrator(Away).picture(about)
    assert known.png == figure.of_series(curve_of(piece, kept()))
    assert empty.png == away.png == figure.of_incident(about.title, rows_of(about))
    assert known.title == "cart · container_cpu_usage"


def test_a_drawing_that_fails_is_no_picture_and_no_error(caplog):
    def broken():
        raise RuntimeError("no fonts")

    assert HistoryIllustrator(broken).picture(incident()) is None
    assert "no plot of incident" in caplog.text


def test_nothing_that_draws_or_computes_is_loaded_before_something_is_drawn():
    code = """
import sys
from aiops.plugins import available, load
import functions.act.wiring
for name in available("functions.act.channels"):
    load("functions.act.channels", name, "Channel")
heavy = {"numpy", "scipy", "pandas", "matplotlib", "PIL", "prophet", "sklearn"}
print(*sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
