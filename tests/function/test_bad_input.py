"""Every kind of rubbish has a stated answer: 400 naming the field, or dropped and counted."""

import gzip
import json

import pytest
from flask.testing import FlaskClient

from aiops.adapters.memory_series import MemorySeriesStore
from aiops.adapters.serve import MAX_BODY_BYTES

NOW = "2026-01-01T00:00:00Z"
NOW_MS = 1_767_225_600_000
HEADERS = {
    "ce-id": "1",
    "ce-source": "test",
    "ce-type": "dev.aiops.samples.v1",
    "ce-specversion": "1.0",
    "ce-time": NOW,
    "content-type": "application/json",
}
HEAD = {"metric": "requests", "labels": {"service": "cart"}, "kind": "gauge"}


def batch(**parts: object) -> bytes:
    return json.dumps({"series": [HEAD], "samples": [[0, NOW_MS, 1.0]]} | parts).encode()


WHOLE_RECORDS = {
    "not a CloudEvent": (batch(), {"content-type": "application/json"}, "no CloudEvent"),
    "no id": (batch(), {k: v for k, v in HEADERS.items() if k != "ce-id"}, "id"),
    "wrong specversion": (batch(), HEADERS | {"ce-specversion": "9.9"}, "specversion"),
    "a time that is none": (batch(), HEADERS | {"ce-time": "yesterday"}, "time:"),
    "a time before 1970": (batch(), HEADERS | {"ce-time": "0001-01-01T00:00:00Z"}, "time:"),
    "a time after 9999": (batch(), HEADERS | {"ce-time": "9999-12-31T23:00:00-02:00"}, "time:"),
    "a type without end": (batch(), HEADERS | {"ce-type": "x" * 8_000}, "type: detect takes no"),
    "half a character": (
        json.dumps({"specversion": "1.0", "id": "\ud800", "source": "/x", "type": "x"}).encode(),
        {"content-type": "application/cloudevents+json"},
        "id",
    ),
    "a subject that is no text": (
        json.dumps(
            {"specversion": "1.0", "id": "1", "source": "/x", "type": "x", "subject": {"a": 1}}
        ).encode(),
        {"content-type": "application/cloudevents+json"},
        "subject: not a text",
    ),
    "unknown type": (batch(), HEADERS | {"ce-type": "com.example.x"}, "type: detect takes no"),
    "a batch of CloudEvents": (
        b"[]",
        HEADERS | {"content-type": "application/cloudevents-batch+json"},
        "content-type:",
    ),
    "a plain record of unknown format": (
        b"hello",
        HEADERS | {"ce-type": "dev.knative.kafka.event"},
        "unknown format",
    ),
    "not JSON": (b"{", HEADERS, "data: Invalid JSON"),
    "nothing": (b"", HEADERS, "data: Invalid JSON"),
    "missing field": (b'{"series": []}', HEADERS, "samples: Field required"),
    "extra field": (batch(more=1), HEADERS, "more: Extra inputs"),
    "text where a number belongs": (
        batch(samples=[[0, NOW_MS, "high"]]),
        HEADERS,
        "samples.0.2: Input should be a valid number",
    ),
    "a number where text belongs": (
        batch(series=[HEAD | {"metric": 5}]),
        HEADERS,
        "series.0.metric: Input should be a valid string",
    ),
    "a number too large to be a time": (
        batch(samples=[[0, 10**400, 1.0]]),
        HEADERS,
        "samples.0.1",
    ),
    "broken UTF-8": (b'{"series": [{"metric": "\xff\xfe"}]}', HEADERS, "Invalid JSON"),
    "deep nesting": (b"[" * 100_000, HEADERS, "recursion limit"),
    "gzip": (gzip.compress(batch()), HEADERS | {"content-encoding": "gzip"}, "content-encoding:"),
    "a body of 100 MB": (b" " * 100_000_000, HEADERS, f"body: more than {MAX_BODY_BYTES} bytes"),
}


@pytest.mark.parametrize("kind", WHOLE_RECORDS)
def test_a_record_that_cannot_be_read_is_refused_for_good_and_the_field_named(
    detect: FlaskClient, kind: str
) -> None:
    body, headers, words = WHOLE_RECORDS[kind]
    answer = detect.post("/", data=body, headers=headers)
    assert answer.status_code == 400
    assert words in answer.text
    assert len(answer.text) < 500


def test_a_refusal_does_not_repeat_what_was_sent(detect: FlaskClient) -> None:
    body = batch(samples=[[0, NOW_MS, "s3cret"]])
    for headers in (HEADERS, {"content-type": "application/json"}):
        assert "s3cret" not in detect.post("/", data=body, headers=headers).text
    assert "s3cret" not in detect.post("/", data=b"s3cret").text


SINGLE_SAMPLES = {
    "NaN": (b"NaN", NOW_MS, "not_finite"),
    "infinity": (b"Infinity", NOW_MS, "not_finite"),
    "minus infinity": (b"-Infinity", NOW_MS, "not_finite"),
    "the year 1970": (b"1.0", 1_000, "too_old"),
    "before 1970": (b"1.0", -1_000, "too_old"),
    "the year 2090": (b"1.0", 3_786_912_000_000, "future"),
}


@pytest.mark.parametrize("kind", SINGLE_SAMPLES)
def test_a_bad_sample_in_a_good_batch_is_dropped_and_counted_and_the_rest_proceeds(
    detect: FlaskClient,
    series_store: MemorySeriesStore,
    capsys: pytest.CaptureFixture[str],
    kind: str,
) -> None:
    value, time, reason = SINGLE_SAMPLES[kind]
    bad = b'{"series": [%b], "samples": [[0, %d, %b], [0, %d, 2.0]]}' % (
        json.dumps(HEAD).encode(),
        time,
        value,
        NOW_MS,
    )
    assert detect.post("/", data=bad, headers=HEADERS).status_code == 204
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (line[reason], line["accepted"]) == (1, 1)
    assert len(series_store.records) == 1


SERIES = {
    "10 000 labels": ({f"l{n}": "x" for n in range(10_000)}, "too_many_labels"),
    "a label of almost 1 MB": ({"service": "x" * 900_000}, "label_too_long"),
}


@pytest.mark.parametrize("kind", SERIES)
def test_a_series_nobody_could_keep_is_dropped_and_counted(
    detect: FlaskClient, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    labels, reason = SERIES[kind]
    heads = [HEAD | {"labels": labels}, HEAD]
    body = batch(series=heads, samples=[[0, NOW_MS, 1.0], [1, NOW_MS, 1.0], [7, NOW_MS, 1.0]])
    assert detect.post("/", data=body, headers=HEADERS).status_code == 204
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (line[reason], line["unknown_series"], line["accepted"]) == (1, 1, 1)


def test_an_event_from_2090_shuts_nobody_out_of_the_present(
    detect: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    future = 3_786_912_000_000
    wild = batch(samples=[[0, future, 1.0]])
    assert detect.post("/", data=wild, headers=HEADERS | {"ce-time": "2090-01-01T00:00:00Z"})
    detect.post("/", data=batch(), headers=HEADERS)
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (first["future"], second["accepted"]) == (1, 1)
