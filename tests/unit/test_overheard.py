"""What went over the topics is recorded so that a replay finds the same."""

import json
from pathlib import Path

import numpy as np
import orjson

from aiops.events import Call, ChangeObserved, Samples, SeriesHead, TopologyObserved, WorkDue
from aiops.series import SeriesMap
from functions.detect.config import DetectConfig
from local.delivery.cloudevent import Record
from local.overheard import Overheard
from local.recording import read_recording
from local.told import write_told
from tests.unit.test_traces import CALL, written

START = 1_767_225_600_000


def carried(topic: str, fact, source: str = "/test", offset: int = 0) -> Record:
    headers = {"specversion": "1.0", "id": f"e{offset}", "source": source, "type": fact.type}
    listed = [(f"ce_{name}", text.encode()) for name, text in headers.items()]
    data = fact.model_dump_json().encode()
    return Record(topic, 0, offset, START, None, data, listed)


def plain(topic: str, data: bytes, offset: int = 0) -> Record:
    return Record(topic, 0, offset, START, None, data)


def overheard(*records: Record) -> Overheard:
    found = Overheard(DetectConfig(), SeriesMap())
    for one in records:
        found.take(one)
    return found


def samples(metric: str, *points: tuple[int, float], kind: str = "gauge") -> Samples:
    head = SeriesHead(metric=metric, labels={"service": "cart"}, kind=kind)
    rows = tuple((0, START + at, value) for at, value in points)
    return Samples(series=(head,), samples=rows)


def test_samples_of_any_format_are_written_and_counters_as_rates(tmp_path: Path) -> None:
    adapter = {"name": "up", "labels": {"service": "pay"}, "value": "1", "timestamp": START / 1000}
    found = overheard(
        carried("metrics", samples("queue", (0, 5.0), (60_000, 7.0))),
        carried("metrics", samples("total", (0, 10.0), (60_000, 70.0), kind="counter")),
        carried("metrics", samples("total", (120_000, 4.0), (180_000, 64.0), kind="counter")),
        carried("metrics", samples("made", (0, 1.0)), "/aiops/detect/windows"),
        carried("metrics", WorkDue(stage="detect", now=START)),
        plain("metrics", json.dumps(adapter).encode()),
        plain("metrics", b"nothing"),
    )
    found.recorder.write(tmp_path)
    recording = read_recording(tmp_path)
    names = [recording.heads[one].metric for one in recording.series]
    seconds = ((recording.time - START) // 1000).tolist()
    told = sorted(zip(names, seconds, recording.value.tolist(), strict=True))
    assert told == [
        ("queue", 0, 5.0), ("queue", 60, 7.0), ("total", 60, 1.0), ("total", 180, 1.0),
        ("up", 0, 1.0),
    ]  # fmt: skip
    assert found.dropped == {"unreadable_metrics": 1}


def test_lines_and_spans_are_written_whatever_format_they_came_in(tmp_path: Path) -> None:
    line = {"service": "cart", "level": "error", "msg": "no stock", "ts": START / 1000}
    loki = {"streams": [{"stream": {"app": "pay"}, "values": [[f"{START}000000", "WARN slow"]]}]}
    found = overheard(
        plain("logs", json.dumps(line).encode()),
        plain("logs", json.dumps(loki).encode()),
        plain("logs", b"\x00"),
        plain("traces", written(CALL)),
    )
    found.recorder.write(tmp_path)
    write_told(found.told, tmp_path)
    told = read_recording(tmp_path).told
    lines = [json.loads(one.data) for one in told if one.topic == "logs"]
    assert [(one["service"], one["level"], one["message"]) for one in lines] == [
        ("cart", "error", "no stock"), ("pay", "warn", "WARN slow"),
    ]  # fmt: skip
    again = overheard(*(plain("traces", one.data) for one in told if one.topic == "traces"))
    assert again.told == [one for one in told if one.topic == "traces"]
    assert len(again.told) == 2
    assert found.dropped == {"unreadable_logs": 1}


def test_changes_and_calls_are_written(tmp_path: Path) -> None:
    change = ChangeObserved(service="cart", kind="deploy", summary="2.0", observed_at=START)
    calls = (Call(client="shop", server="cart"),)
    seen = TopologyObserved(domain="default", calls=calls, observed_at=START)
    found = overheard(
        carried("control", change), carried("control", change),
        carried("control", seen, offset=1),
        Record("control", 0, 2, START, None, orjson.dumps(1)),
    )  # fmt: skip
    found.recorder.write(tmp_path)
    recording = read_recording(tmp_path)
    assert recording.changes == (change,)
    assert [(one.client, one.server) for one in recording.calls] == [("shop", "cart")]
    assert not np.any(recording.time)
