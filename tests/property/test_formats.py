"""Whatever comes, decoders refuse it or return samples that are named, stamped and finite."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiops.errors import Rejected
from aiops.plugins import available
from functions.detect.sniffing import FORMATS
from functions.detect.sources import Encoding
from tests.decoding import NOW, decoded, encoding_of, goldens

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["NaN", "1e400", "-Infinity", "0", str(NOW), str(NOW * 10**6), 10**30, -1]),
)  # fmt: skip
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def check(data: bytes, encoding: Encoding = "json") -> None:
    try:
        samples, dropped = decoded(data, encoding)
    except Rejected:
        return
    for metric, labels, kind, time, value in samples:
        assert metric
        assert isinstance(metric, str)
        assert all(isinstance(text, str) for pair in labels.items() for text in pair)
        assert kind in {"gauge", "counter"}
        assert NOW - 7 * 86_400_000 <= time <= NOW + 300_000
        assert math.isfinite(value)
    assert all(count > 0 for count in dropped.values())


def documents() -> list[tuple[Path, Any]]:
    found = []
    for path in goldens():
        if path.suffix == ".json":
            text = path.read_text()
            lines = text.strip().splitlines()
            alone = lines[0].endswith("}") and len(lines) > 1
            read = [json.loads(line) for line in lines] if alone else json.loads(text)
            found.append((path, read))
    return found


DOCUMENTS = documents()


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the ways to every value of a document."""
    inner = document.items() if isinstance(document, dict) else enumerate(document)
    found = [path]
    for key, value in inner:
        here = (*path, key)
        found += places(value, here) if isinstance(value, dict | list) else [here]
    return found


def changed(document: Any, way: tuple[Any, ...], value: Any) -> Any:
    if not way:
        return value
    copied = dict(document) if isinstance(document, dict) else list(document)
    copied[way[0]] = changed(document[way[0]], way[1:], value)
    return copied


@given(st.binary(max_size=300), st.sampled_from(["json", "otlp_proto"]))
def test_junk_is_refused_or_nothing_of_it_is_taken(data: bytes, encoding: Encoding) -> None:
    check(data, encoding)


@given(ANYTHING)
def test_any_json_is_refused_or_nothing_of_it_is_taken(document: Any) -> None:
    check(json.dumps(document).encode())


@settings(max_examples=400)
@given(st.sampled_from(DOCUMENTS), st.data())
def test_a_document_with_anything_anywhere_in_it_does_no_harm(
    found: tuple[Path, Any], data: st.DataObject
) -> None:
    _, document = found
    for _ in range(data.draw(st.integers(1, 3))):
        ways = places(document) if isinstance(document, dict | list) else [()]
        document = changed(document, data.draw(st.sampled_from(ways)), data.draw(ANYTHING))
    check(json.dumps(document).encode())


@settings(max_examples=300)
@given(st.sampled_from(goldens()), st.data())
def test_a_record_with_bytes_changed_cut_or_doubled_does_no_harm(
    path: Path, data: st.DataObject
) -> None:
    body = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(0, len(body) - 1)))
        match data.draw(st.sampled_from(["change", "cut", "double", "insert"])):
            case "change":
                body[at : at + 1] = data.draw(st.binary(min_size=1, max_size=1))
            case "cut":
                del body[at : at + data.draw(st.integers(1, 40))]
            case "double":
                body[at:at] = body[at : at + 60]
            case _:
                body[at:at] = data.draw(st.binary(max_size=8))
    check(bytes(body), encoding_of(path))


SHAPES: dict[str, Any] = {
    "prometheus_kafka_adapter": ("labels", "value", "timestamp", "name"),
    "telegraf": ("name", "tags", "fields", "timestamp"),
    "vector": ("name", "kind", "counter", "tags", "timestamp"),
    "prometheus_api": ("status", "data"),
    "victoria_metrics": ("metric", "values", "timestamps"),
    "otlp_json": ("resourceMetrics",),
}


def test_every_format_has_its_fields_filled_with_anything() -> None:
    assert set(SHAPES) | {"otlp_proto"} == set(available(FORMATS))


@pytest.mark.parametrize("name", SHAPES)
@given(st.data())
def test_the_right_fields_with_anything_in_them_do_no_harm(name: str, data: st.DataObject) -> None:
    document = {field: data.draw(ANYTHING) for field in SHAPES[name]}
    check(json.dumps(document).encode())


@pytest.mark.parametrize("opening", [b"[", b'{"resourceMetrics":[', b'{"metrics":[{"fields":'])
def test_nesting_without_end_is_refused(opening: bytes) -> None:
    with pytest.raises(Rejected):
        decoded(opening * (10_000_000 // len(opening)))


def test_ten_megabytes_of_values_that_are_none_are_gone_through() -> None:
    deep: dict[str, Any] = {"stringValue": "x"}
    for _ in range(90):
        deep = {"arrayValue": {"values": [deep, deep]}} if len(json.dumps(deep)) < 10**6 else {
            "arrayValue": {"values": [deep]}
        }  # fmt: skip
    point = {
        "timeUnixNano": str(NOW * 10**6),
        "asInt": "1",
        "attributes": [{"key": "k", "value": deep}],
    }
    metric = {"name": "g", "gauge": {"dataPoints": [point]}}
    document = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}
    check(json.dumps(document).encode())
    zeros = (
        b'{"metric":{"__name__":"up"},"values":[' + b"null," * 2_000_000 + b'0],"timestamps":[]}'
    )
    with pytest.raises(Rejected):
        decoded(zeros)
