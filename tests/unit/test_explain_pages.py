"""Explanations of recordings and of what is stored: their curves, their files, their command."""

import json
import secrets
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aiops.adapters.keys import Keys
from aiops.adapters.memory_action_log import MemoryActionLog
from aiops.adapters.memory_history import MemoryHistory
from aiops.adapters.memory_incidents import MemoryIncidents
from aiops.adapters.memory_series import MemorySeriesStore
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_incidents import RedisIncidents
from aiops.events import Incident
from aiops.history import History
from aiops.incident_store import Commit, Horizon, IncidentStore, Record
from aiops.series import SeriesMap, shard_of
from aiops.topology import Topology
from functions.correlate.config import CorrelateConfig
from functions.correlate.rankers.evidence import Ranker
from functions.correlate.ranking import Case
from functions.detect.config import DetectConfig
from local.cli import main
from local.explain.account import explain
from local.explain.curves import ALONE, MOST_POINTS, RUN_AGAIN, around, banded, heard
from local.explain.page import page
from local.explain.recorded import Told, explained, worth_a_page
from local.explain.stored import material
from local.recording import Recording, read_recording
from local.replay import replay
from local.scenario.generate import generate
from local.scenario.recording import write
from tests.incidents import ID, START, evidence, incident


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found: Path = tmp_path_factory.mktemp("shop")
    write(generate(1, hours=5.0, faults=1), found)
    return found


@pytest.fixture(scope="module")
def recording(folder: Path) -> Recording:
    return read_recording(folder)


@pytest.fixture(scope="module")
def incidents(recording: Recording) -> list[Incident]:
    found = worth_a_page(replay([recording], {}, ()).incidents)
    assert found
    return found


def test_the_band_shown_is_the_one_the_detector_had(
    recording: Recording, incidents: list[Incident]
) -> None:
    wanted = {piece.peak.series: piece for one in incidents for piece in one.evidence}
    series = banded(heard([recording], wanted, SeriesMap()), DetectConfig())
    assert set(series) == set(wanted)
    for key, piece in wanted.items():
        peak, again = piece.peak, series[key]
        at = int(np.searchsorted(again.time, peak.time))
        assert again.value[at] == peak.value
        assert (again.expected[at], again.lower[at], again.upper[at]) == pytest.approx(
            (peak.expected, peak.lower, peak.upper)
        )
        assert again.alarm[at]


def test_every_curve_holds_its_strongest_anomaly_and_says_what_its_band_is(
    recording: Recording, incidents: list[Incident]
) -> None:
    for one in explained([recording], Told(incidents)):
        shown = [series for series in one.series if series.curve]
        assert shown
        for series in shown:
            assert series.curve is not None
            assert series.peak_at in series.curve.alarms
            assert series.curve.note == RUN_AGAIN
            assert len(series.curve.time) <= 2 * MOST_POINTS
        assert page(one).count("<polyline") >= 2 * min(len(shown), 8)


def test_a_series_whose_samples_are_not_what_was_judged_is_not_drawn(
    recording: Recording, incidents: list[Incident]
) -> None:
    piece = incidents[0].evidence[0]
    found = banded(heard([recording], [piece.peak.series], SeriesMap()), DetectConfig())
    (series,) = found.values()
    assert around(series, piece, piece.first, piece.last) is not None
    other = replace(series, value=series.value * 60)
    assert around(other, piece, piece.first, piece.last) is None
    assert around(replace(series, time=series.time + 1), piece, piece.first, piece.last) is None


def test_a_band_that_was_another_at_the_time_is_said_to_be(
    recording: Recording, incidents: list[Incident]
) -> None:
    piece = incidents[0].evidence[0]
    (series,) = banded(
        heard([recording], [piece.peak.series], SeriesMap()), DetectConfig()
    ).values()
    curve = around(replace(series, expected=series.expected * 9), piece, piece.first, piece.last)
    assert curve is not None
    assert "at the time it expected" in curve.note


def test_a_series_in_two_recordings_is_one(recording: Recording) -> None:
    key = SeriesMap().read(recording.heads[0]).key
    half = len(recording.time) // 2
    parts = [
        replace(recording, **{n: getattr(recording, n)[cut] for n in ("series", "time", "value")})
        for cut in (slice(half), slice(half, None))
    ]
    (whole,) = heard([recording], [key], SeriesMap()).values()
    (joined,) = heard(parts, [key], SeriesMap()).values()
    assert np.array_equal(whole[1].time, joined[1].time)
    assert np.array_equal(whole[1].value, joined[1].value)


def test_a_replay_leaves_a_page_for_each_incident_people_are_told_of(
    folder: Path, incidents: list[Incident], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(folder), "--html", str(tmp_path / "pages")]) == 0
    pages = sorted((tmp_path / "pages").glob("2*.html"))
    assert len(pages) == len(incidents)
    assert "index.html" in capsys.readouterr().err
    index = (tmp_path / "pages" / "index.html").read_text()
    for file, one in zip(pages, incidents, strict=True):
        assert f'href="{file.name}"' in index
        assert one.id in file.read_text()


def stored(into: IncidentStore | None = None) -> tuple[Record, IncidentStore]:
    pieces = (
        evidence("cart", "cpu_usage", 6, series="a" * 32),
        evidence("checkout", "latency", 4, series="b" * 32, role="latency"),
    )
    topology = Topology.of([("checkout", "cart")])
    record = Record(
        id=ID, domain="shop", version=1, spans=((START, START + 60_000),), anomalies=10,
        evidence=pieces, root_cause=Ranker().rank(Case(pieces, topology, ())), severity=4,
    )  # fmt: skip
    store = MemoryIncidents() if into is None else into
    horizon = Horizon(0, 0, 0, 0)
    commit = Commit(0, START, START, START, horizon, records=(record,), topology=(0, topology))
    assert store.commit(commit) is not None
    return record, store


def test_what_is_stored_of_an_incident_explains_it_as_it_was_ranked() -> None:
    record, store = stored()
    history = MemoryHistory(MemorySeriesStore())
    told = explain(material(record, store, MemoryActionLog(), history, CorrelateConfig()))
    assert [one.service for one in told.suspects] == ["cart", "checkout"]
    assert "without cpu_usage of cart, checkout would come first" in told.what_if
    assert [one.words[:20] for one in told.joins] == [
        "it opened the incide",
        "checkout calls cart,",
    ]
    assert all(one.curve is None for one in told.series)
    assert "range that was usual then" in page(told)


def test_kept_history_is_drawn_with_no_more_band_than_is_known() -> None:
    record, store = stored()
    time = np.arange(START - 3_600_000, START, 300_000)
    history = MemoryHistory(MemorySeriesStore())
    history.backfill(shard_of("a" * 32), "a" * 32, History(time, np.full(len(time), 0.3)))
    told = explain(material(record, store, MemoryActionLog(), history, CorrelateConfig()))
    curve = next(one.curve for one in told.series if one.curve)
    assert curve.note == ALONE
    assert len(curve.time) == len(time) + 1
    assert sum(np.isfinite(curve.upper)) == 1
    assert 'class="band-bar"' in page(told)


def test_only_incidents_have_a_page(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    assert main(["explain", "cpu", "--redis-url", "redis://localhost:1", "--html", "x"]) == 2
    assert "only incidents have a page" in capsys.readouterr().err
    assert main(["explain", ID]) == 2
    assert "--redis-url" in capsys.readouterr().err


def test_only_incidents_people_were_told_of_and_that_still_stand_get_a_page() -> None:
    quiet = incident(id="q", notified_at=None)
    merged = incident(id="m", status="merged", merged_into=ID)
    assert worth_a_page([quiet, merged, incident()]) == [incident()]
    assert worth_a_page([incident()], START + 1) == []


def test_the_command_explains_an_incident_in_redis_by_as_much_of_its_id_as_is_listed(
    redis_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generation = f"explain{secrets.token_hex(4)}"
    store = RedisIncidents(connect(redis_url), Keys(f"{generation}:"), "default")
    stored(store)
    where = ["--redis-url", redis_url, "--generation", generation]
    file = tmp_path / "page.html"
    assert main(["explain", ID[:8], *where, "--html", str(file)]) == 0
    assert "checkout calls cart, at the same time" in capsys.readouterr().out
    assert ID in file.read_text()
    assert main(["explain", ID, *where, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["suspects"][0]["service"] == "cart"
    assert main(["explain", "f" * 8, *where]) == 1
    assert "no incident" in capsys.readouterr().err
