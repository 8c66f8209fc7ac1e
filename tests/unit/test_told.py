"""Lines of logs and traces of a recording are replayed in its time."""

import gzip
import json
from pathlib import Path

import pytest

from aiops.errors import Misconfigured
from local.recording import read_recording
from local.replay import replay
from local.told import read_told

START = 1_767_225_600
MINUTES = 90


def span(minute: int, seconds: float) -> dict:
    end = (START + minute * 60) * 10**9
    one = {"kind": 2, "name": "GET /", "traceId": "ab", "spanId": "cd"}
    one |= {"startTimeUnixNano": str(end - int(seconds * 1e9)), "endTimeUnixNano": str(end)}
    service = [{"key": "service.name", "value": {"stringValue": "cart"}}]
    resource = {"attributes": service}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [one] * 5}]}]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = ["timestamp,metric,value,service"]
    rows += [f"{START + n * 60},queue,{n % 3},cart" for n in range(MINUTES)]
    (tmp_path / "samples.csv").write_text("\n".join(rows) + "\n")
    usual = {"service": "cart", "level": "info", "message": "fine"}
    new = {"service": "cart", "level": "error", "message": "disk full"}
    lines = [{"time": START + n * 60, **usual} for n in range(MINUTES)]
    lines += [{"time": START + n * 60 + 1, **new} for n in range(70, 75)]
    (tmp_path / "logs.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    spans = "\n".join(json.dumps(span(n, 0.1)) for n in range(MINUTES))
    (tmp_path / "spans.jsonl.gz").write_bytes(gzip.compress(spans.encode()))
    return tmp_path


def test_a_new_error_in_the_logs_of_a_recording_becomes_an_incident(folder: Path) -> None:
    recording = read_recording(folder)
    assert len(recording.told) == 2 * MINUTES + 5
    done = replay([recording], {}, ())
    (incident,) = done.incidents
    assert incident.services == ("cart",)
    assert "disk full" in incident.evidence[0].peak.reason
    assert done.dropped == {}
    assert [one.id for one in replay([recording], {}, ()).incidents] == [incident.id]


def test_lines_come_in_the_order_of_time_whatever_file_they_are_in(folder: Path) -> None:
    told = read_told(folder)
    assert [one.time for one in told] == sorted(one.time for one in told)
    assert {one.topic for one in told} == {"logs", "traces"}


def test_a_recording_without_lines_has_none(tmp_path: Path) -> None:
    assert read_told(tmp_path) == ()


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("logs.jsonl", '{"message": "x"}'),
        ("logs.jsonl", "no JSON"),
        ("logs.jsonl", '{"time": "soon"}'),
        ("spans.jsonl", '{"resourceSpans": []}'),
        ("spans.jsonl", "[]"),
    ],
)
def test_a_line_without_a_time_is_named(tmp_path: Path, name: str, line: str) -> None:
    (tmp_path / name).write_text(f"\n{line}\n")
    with pytest.raises(Misconfigured, match=rf"{name}:2: no time can be read"):
        read_told(tmp_path)


def test_a_file_that_cannot_be_unpacked_is_named(tmp_path: Path) -> None:
    (tmp_path / "logs.jsonl.gz").write_bytes(b"no gzip")
    with pytest.raises(Misconfigured, match=r"logs\.jsonl\.gz"):
        read_told(tmp_path)
