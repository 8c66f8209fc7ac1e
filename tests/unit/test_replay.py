"""Recordings: read with care, replayed to the same outcome each time."""

import gzip
import json
from pathlib import Path

import pytest

from aiops.errors import Misconfigured
from local.cli import main
from local.recording import read_recording

STATIC = "detect: {default: {detector: static, params: {upper: 100}}}"


def recording(folder: Path, *rows: str, columns: str = "timestamp,metric,value,service") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "samples.csv").write_text("\n".join((columns, *rows)) + "\n", encoding="utf-8")
    return folder


def rows(minutes: int, high: range) -> list[str]:
    stamp = 1_700_000_000
    return [
        f"{stamp + 60 * minute},{metric},{500 if minute in high else 1},{service}"
        for minute in range(minutes)
        for service in ("web", "cart")
        for metric in ("cpu_usage_ratio", "request_duration_seconds")
    ]


def replayed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert main(["replay", *arguments, "--json"]) == 0
    found: dict = json.loads(capsys.readouterr().out)
    return found


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = recording(tmp_path / "shop", *rows(90, range(70, 75)))
    (folder / "topology.csv").write_text("client,server\nweb,cart\n", encoding="utf-8")
    (folder / "faults.json").write_text(
        json.dumps([{"start": "2023-11-14T23:22:30Z", "service": "cart", "kind": "x"}])
    )
    (tmp_path / "aiops.yaml").write_text(STATIC, encoding="utf-8")
    return folder


def test_a_replay_prints_the_incidents_with_the_fields_programs_read(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = replayed(capsys, str(shop), "--config", str(tmp_path / "aiops.yaml"), "--evaluate")
    (incident,) = found["incidents"]
    assert set(incident) == {
        "id", "opened_at", "updated_at", "resolved_at", "status", "severity", "severity_reasons",
        "services", "anomalies", "root_cause", "root_cause_at_notification", "notified_at",
        "blast_radius",
    }  # fmt: skip
    assert incident["opened_at"] == "2023-11-14T23:23:20.000Z"
    assert incident["services"] == ["cart", "web"]
    assert incident["anomalies"] == 20
    assert incident["status"] == "resolved"
    assert {"service", "metric", "score", "reasons", "confidence", "confidence_reason"} == set(
        incident["root_cause"][0]
    )
    assert (found["samples"], found["anomalies"], found["dropped"]) == (360, 20, {})
    assert found["evaluation"]["all"]["recall_at_3"] == 1.0


def test_the_same_recording_gives_the_same_outcome_every_time(
    shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ["--config", str(tmp_path / "aiops.yaml"), "--evaluate"]
    first, second = (replayed(capsys, str(shop), *config) for _ in range(2))
    del first["seconds"], second["seconds"]
    assert json.dumps(first) == json.dumps(second)


def test_stamps_may_be_iso_and_files_gzipped_and_values_empty(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    folder.mkdir()
    text = "timestamp,metric,value,service\n2026-01-01T00:00:00Z,m,,a\n2026-01-01 00:01:00,m,2,a\n"
    (folder / "samples.csv.gz").write_bytes(gzip.compress(text.encode()))
    found = read_recording(folder)
    assert found.time.tolist() == [1_767_225_600_000, 1_767_225_660_000]
    assert str(found.value.tolist()) == "[nan, 2.0]"
    assert [head.labels for head in found.heads] == [{"service": "a"}]


def test_recorded_dirt_is_counted_and_not_believed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = recording(
        tmp_path / "dirty",
        *rows(5, range(0)),
        "1900000000,m,1,x",
        "soon,m,1,x",
        "1700000240,m,,y",
        "1700000240,cpu_usage_ratio,7,web",
    )
    assert replayed(capsys, str(folder))["dropped"] == {
        "duplicate": 1,
        "future": 1,
        "not_finite": 1,
        "too_old": 1,
    }


WRONG = {
    "no folder": ([], "no samples.csv"),
    "no column": (["metric,value", "m,1"], "no column 'timestamp'"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_recording_that_cannot_be_read_is_named_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    lines, words = WRONG[kind]
    if lines:
        recording(tmp_path / "r", *lines[1:], columns=lines[0])
    assert main(["replay", str(tmp_path / "r")]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_a_change_that_cannot_be_read_is_named_with_its_line(tmp_path: Path) -> None:
    folder = recording(tmp_path / "r", *rows(1, range(0)))
    (folder / "changes.jsonl").write_text('{"service": "a"}\n')
    with pytest.raises(Misconfigured, match=r"changes.jsonl:1: kind"):
        read_recording(folder)


def test_evaluation_needs_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(recording(tmp_path / "r", *rows(1, range(0)))), "--evaluate"]) == 2
    assert "faults.json" in capsys.readouterr().err
