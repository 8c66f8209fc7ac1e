"""Every format is read as its specification says: records of it, and the samples they hold."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData

from aiops.errors import Rejected
from aiops.plugins import available, load
from aiops.ports import Event
from functions.detect import gathering, naming
from functions.detect.config import DetectConfig
from functions.detect.gathering import unix_ms
from functions.detect.malformed import Malformed
from functions.detect.naming import Naming
from functions.detect.sniffing import FORMATS
from functions.detect.sources import PLAIN_RECORD, Source
from tests.decoding import GOLDEN, NOW, Taken, decoded, encoding_of, goldens
from tests.detecting import Detecting


def in_order(samples: Sequence[Any]) -> list[str]:
    return sorted(json.dumps([m, sorted(ls.items()), k, t, float(v)]) for m, ls, k, t, v in samples)


@pytest.mark.parametrize("path", goldens(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_record_holds_the_samples_its_specification_says(path: Path) -> None:
    expected = json.loads(path.with_suffix(".expected").read_text())
    time = int(datetime.fromisoformat(expected["time"]).timestamp() * 1000)
    samples, dropped = decoded(path.read_bytes(), encoding_of(path), time)
    assert in_order(samples) == in_order(expected["samples"])
    assert dict(dropped) == expected["dropped"]
    assert expected["section"]


def test_every_format_has_several_records_that_show_it() -> None:
    shown = {name: len(list((GOLDEN / name).glob("*.expected"))) for name in available(FORMATS)}
    assert min(shown.values()) >= 3, shown


@pytest.mark.parametrize("path", [p for p in goldens() if p.suffix == ".json"], ids=str)
def test_a_record_is_of_one_format_at_most(path: Path) -> None:
    lines = path.read_text().strip().splitlines()
    found = json.loads(lines[0]) if lines[0].endswith("}") else json.loads(path.read_text())
    document = found[0] if isinstance(found, list) else found
    recognising = [
        name
        for name in available(FORMATS)
        if load(FORMATS, name, "Format")(DetectConfig()).recognises(document)
    ]
    assert recognising == [path.parent.name]


@pytest.mark.parametrize("path", [p for p in goldens() if p.parent.name == "otlp_proto"], ids=str)
def test_protobuf_says_what_the_same_json_says(path: Path) -> None:
    document = json.loads((GOLDEN / "otlp_json" / f"{path.stem}.json").read_text())
    assert MetricsData.FromString(path.read_bytes()) == ParseDict(document, MetricsData())


ONE = {"timestamp": "2026-01-01T00:00:00Z", "value": "1", "name": "up", "labels": {"job": "a"}}
TWO = ONE | {"labels": {"job": "b"}}
UP: list[Taken] = [
    ("up", {"job": "a"}, "gauge", NOW, 1.0),
    ("up", {"job": "b"}, "gauge", NOW, 1.0),
]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([ONE, TWO]),
        f"{json.dumps(ONE)}\n{json.dumps(TWO)}",
        f"\n{json.dumps(ONE)}\r\n\r\n  {json.dumps(TWO)}\n",
    ],
)
def test_documents_come_alone_in_an_array_or_one_a_line(text: str) -> None:
    assert in_order(decoded(text.encode())[0]) == in_order(UP)


def test_one_document_that_is_wrong_costs_no_other() -> None:
    wrong = [ONE | {"value": "high"}, ONE | {"timestamp": "soon"}, ONE | {"labels": 3}, 7, {"x": 1}]
    samples, dropped = decoded(json.dumps([*wrong, ONE]).encode())
    assert samples == UP[:1]
    assert dropped == {"malformed": 3, "unknown_format": 2}


REFUSED = {
    "no JSON": (b"hello", "unknown format"),
    "a torn line": (json.dumps(ONE).encode() + b'\n{"timestamp":', "unknown format"),
    "an object of nobody": (b'{"of": 1}', "unknown format"),
    "nothing": (b"", "unknown format"),
    "no object": (b"3", "unknown format"),
    "an empty array": (b"[]", "unknown format"),
    "nesting without end": (b"[" * 100_000, "unknown format"),
    "a document that is wrong": (json.dumps(ONE | {"value": []}).encode(), "malformed"),
    "an answer that tells of an error": (
        b'{"status": "error", "errorType": "timeout", "error": "s3cret"}',
        "malformed",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_read_is_refused_and_not_repeated(kind: str) -> None:
    data, words = REFUSED[kind]
    with pytest.raises(Rejected, match=words) as refusal:
        decoded(data)
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize("data", [b"", b"hello", b"\x0a\xff", b'{"resourceMetrics": []}'])
def test_what_is_no_message_of_otlp_is_refused_where_the_topic_says_it_is_one(data: bytes) -> None:
    with pytest.raises(Rejected, match="malformed"):
        decoded(data, "otlp_proto")


def test_logs_and_spans_are_not_taken_for_metrics() -> None:
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData, ResourceLogs, ScopeLogs
    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, TracesData

    logs = ScopeLogs(log_records=[LogRecord(time_unix_nano=NOW * 10**6, severity_text="INFO")])
    spans = ScopeSpans(spans=[Span(name="GET", trace_id=b"1" * 16, span_id=b"2" * 8)])
    for data in (
        LogsData(resource_logs=[ResourceLogs(scope_logs=[logs])]).SerializeToString(),
        TracesData(resource_spans=[ResourceSpans(scope_spans=[spans])]).SerializeToString(),
    ):
        with pytest.raises(Rejected):
            decoded(data, "otlp_proto")


def test_the_kind_a_format_states_counts_before_the_configured_one_and_that_before_the_name() -> (
    None
):
    config = json.dumps(
        {"kinds": [{"match": {"metric": "jobs_total"}, "kind": "gauge"},
                   {"match": {"metric": "rows", "labels": {"job": "a"}}, "kind": "counter"}]}
    )  # fmt: skip
    lines = [ONE | {"name": "jobs_total"}, ONE | {"name": "rows"}, TWO | {"name": "rows"}]
    stated = {"name": "jobs_total", "kind": "absolute", "counter": {"value": 1}}
    samples, _ = decoded(json.dumps([*lines, stated]).encode(), config=config)
    assert {(metric, labels.get("job"), kind) for metric, labels, kind, _, _ in samples} == {
        ("jobs_total", "a", "gauge"),
        ("jobs_total", None, "counter"),
        ("rows", "a", "counter"),
        ("rows", "b", "gauge"),
    }


def test_late_future_and_unnamed_samples_are_dropped_as_in_our_own_format() -> None:
    lines = [
        ONE | {"timestamp": "2090-01-01T00:00:00Z"},
        ONE | {"timestamp": "1970-01-01T00:00:10Z"},
        ONE | {"timestamp": 10**400},
        ONE | {"labels": {"a": "x" * 3_000}},
        ONE | {"labels": {"a": 5}},
        ONE,
    ]
    samples, dropped = decoded(json.dumps(lines).encode())
    assert samples == UP[:1]
    assert dropped == {"future": 2, "too_old": 1, "label_too_long": 1, "malformed": 1}


def test_a_record_holds_no_more_samples_than_are_taken_and_the_rest_is_counted() -> None:
    most = gathering.MOST_SAMPLES
    line = {"metric": {"__name__": "up"}, "values": [1] * 700_000, "timestamps": [NOW] * 700_000}
    samples, dropped = decoded(json.dumps(line).encode())
    assert len(samples) == most
    assert dropped == {"too_many_samples": 700_000 - most}
    many = json.dumps([ONE] * 80_000).encode()
    assert len(many) > 7_000_000
    samples, dropped = decoded(many)
    assert len(samples) + dropped["too_many_samples"] == 80_000


TIMES: dict[str, tuple[Any, int]] = {
    "seconds": (1_767_225_600, NOW),
    "seconds with a fraction": (1_767_225_600.25, NOW + 250),
    "milliseconds": (NOW + 1, NOW + 1),
    "microseconds": (NOW * 1000 + 999, NOW),
    "nanoseconds": (NOW * 10**6 + 999_999, NOW),
    "UTC": ("2026-01-01T00:00:00Z", NOW),
    "a zone": ("2026-01-01T01:30:00+01:30", NOW),
    "no zone": ("2026-01-01T00:00:00.001", NOW + 1),
    "nanoseconds as text": ("2026-01-01T00:00:00.001999999Z", NOW + 1),
}


@pytest.mark.parametrize("kind", TIMES)
def test_times_are_read_in_whatever_unit_they_come(kind: str) -> None:
    stated, ms = TIMES[kind]
    assert unix_ms(stated) == ms


@pytest.mark.parametrize("wrong", [None, True, [], "soon", ""])
def test_what_is_no_time_is_told(wrong: object) -> None:
    with pytest.raises(Malformed):
        unix_ms(wrong)


def test_quantiles_of_deltas_are_those_the_configuration_asks_for() -> None:
    config = json.dumps(
        {"quantiles": [{"match": {"metric": "delta_duration_bucket"}, "q": [0.25]}]}
    )
    data = (GOLDEN / "otlp_json" / "histograms.json").read_bytes()
    samples, _ = decoded(data, config=config)
    told = [
        (labels["quantile"], value) for _, labels, _, _, value in samples if "quantile" in labels
    ]
    assert told == [("0.25", 0.5)]


def record(data: bytes, topic: str = "metrics", content_type: str = "") -> Event:
    source = f"/apis/v1/namespaces/aiops/kafkasources/metrics-to-detect#{topic}"
    return Event("partition:0/offset:1", source, PLAIN_RECORD, NOW, data, content_type=content_type)


def test_plain_records_of_any_format_are_scored() -> None:
    detecting = Detecting(DetectConfig())
    both = f"{json.dumps(ONE)}\n{json.dumps(TWO)}\n{json.dumps(ONE | {'value': 'NaN'})}".encode()
    assert detecting.handler(record(both)) == {"accepted": 2, "not_finite": 1}
    assert detecting.handler(record(both)) == {"duplicate": 2, "not_finite": 1}
    message = (GOLDEN / "otlp_proto" / "sums.bin").read_bytes()
    assert detecting.handler(record(message, "otlp_metrics"))["accepted"] == 4
    assert detecting.handler(record(message, "otlp_metrics")) == {"duplicate": 4}
    with pytest.raises(Rejected, match="unknown format"):
        detecting.handler(record(message))
    told = record(message, content_type="application/x-protobuf")
    assert detecting.handler(told) == {"duplicate": 4}
    mine = DetectConfig(topics={"mine": Source(encoding="otlp_proto")})
    assert Detecting(mine).handler(record(message, "mine"))["accepted"] == 4


def test_a_series_is_the_same_whichever_format_names_it() -> None:
    detecting = Detecting(DetectConfig())
    line = {"metric": {"job": "a", "__name__": "up"}, "values": [1], "timestamps": [NOW]}
    ours = {"series": [{"metric": "up", "labels": {"job": "a"}}], "samples": [[0, NOW, 1.0]]}
    assert detecting.handler(record(json.dumps(ONE).encode())) == {"accepted": 1}
    assert detecting.handler(record(json.dumps(line).encode())) == {"duplicate": 1}
    assert detecting.handler(record(json.dumps(ours).encode())) == {"duplicate": 1}


def test_series_are_known_again_in_whatever_order_they_come() -> None:
    lines = [ONE | {"name": f"m{place}", "value": str(place)} for place in range(20)]
    forth, _ = decoded(json.dumps(lines).encode())
    back, _ = decoded(json.dumps(lines[::-1]).encode())
    some, _ = decoded(json.dumps(lines[5:9]).encode())
    assert in_order(forth) == in_order(back)
    assert {(metric, value) for metric, *_, value in some} == {
        (f"m{place}", float(place)) for place in range(5, 9)
    }


def test_series_are_forgotten_and_made_anew_where_there_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(naming, "MOST_NAMED", 4)
    made = Naming(DetectConfig().kind_of)
    for place in range(20):
        (number,) = made.numbers([(f"m{place}", (), None)])
        (head,), refused = made.heads([int(number)])
        assert (head.metric, refused) == (f"m{place}", {})
        assert number == place
