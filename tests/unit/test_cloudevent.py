"""CloudEvents in and out."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops.adapters.cloudevent import MAX_AHEAD_MS, decode, encode, iso, read_fact
from aiops.errors import Rejected
from aiops.events import Call, TopologyObserved, WorkDue
from aiops.ports import Event, Message

NOW = 1_767_225_600_000
TEXT = st.text(st.characters(codec="ascii", exclude_categories=["C"]), min_size=1, max_size=20).map(
    str.strip
)


@given(
    st.sampled_from(["a", "b-1"]),
    st.integers(0, NOW + MAX_AHEAD_MS),
    st.binary(max_size=50),
    st.dictionaries(st.sampled_from(["stage", "correlationid"]), st.sampled_from(["x", "y"])),
)
def test_what_is_encoded_for_kafka_is_what_a_function_decodes(
    name: str, time: int, data: bytes, extensions: dict[str, str]
) -> None:
    event = Event(name, "/test", "dev.aiops.samples.v1", time, data, "subject", extensions)
    key, value, headers = encode(Message("metrics", "k", event))
    delivered = {n.replace("ce_", "ce-"): v.decode() for n, v in headers}
    found = decode(delivered, value, NOW)
    assert (key, found.extensions.get("partitionkey")) == (b"k", "k")
    assert found == Event(
        name,
        "/test",
        event.type,
        time,
        data,
        "subject",
        {**extensions, "partitionkey": "k"},
        "application/json",
    )


def test_a_record_has_every_header_knative_looks_for() -> None:
    event = Event("1", "/test", "dev.aiops.work.due.v1", NOW, b"{}", extensions={"stage": "act"})
    _, _, headers = encode(Message("control", "act", event))
    assert dict(headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"1",
        "ce_source": b"/test",
        "ce_type": b"dev.aiops.work.due.v1",
        "ce_time": b"2026-01-01T00:00:00.000Z",
        "ce_stage": b"act",
        "ce_partitionkey": b"act",
        "content-type": b"application/json",
    }


def test_a_structured_event_is_read_as_well() -> None:
    body = b'{"specversion":"1.0","id":"1","source":"s","type":"t","data":{"a":[1,2]}}'
    found = decode({"Content-Type": "application/cloudevents+json"}, body, NOW)
    assert (found.id, found.data, found.time) == ("1", b'{"a": [1, 2]}', NOW)


@pytest.mark.parametrize("name", ["id", "source", "type", "specversion"])
def test_no_attribute_is_made_up(name: str) -> None:
    attributes = {"id": "1", "source": "s", "type": "t", "specversion": "1.0"}
    del attributes[name]
    with pytest.raises(Rejected, match=f"no attribute {name}"):
        decode({f"ce-{key}": value for key, value in attributes.items()}, b"", NOW)
    structured = {"content-type": "application/cloudevents+json"}
    with pytest.raises(Rejected, match=f"no attribute {name}"):
        decode(structured, json.dumps(attributes).encode(), NOW)


def test_an_event_that_says_no_time_happened_when_it_came() -> None:
    headers = {"ce-id": "1", "ce-source": "s", "ce-type": "t", "ce-specversion": "1.0"}
    assert decode(headers, b"", NOW).time == NOW
    naive = decode(headers | {"ce-time": "2026-01-01T00:00:00"}, b"", NOW + 1)
    assert naive.time == NOW


def test_a_sender_whose_clock_is_years_ahead_is_taken_by_the_time_of_arrival() -> None:
    headers = {"ce-id": "1", "ce-source": "s", "ce-type": "t", "ce-specversion": "1.0"}
    assert decode(headers | {"ce-time": "2090-01-01T00:00:00Z"}, b"", NOW).time == NOW
    edge = decode(headers | {"ce-time": iso(NOW + MAX_AHEAD_MS)}, b"", NOW)
    assert edge.time == NOW + MAX_AHEAD_MS


def test_a_trace_may_come_as_an_http_header() -> None:
    headers = {"ce-id": "1", "ce-source": "s", "ce-type": "t", "ce-specversion": "1.0"}
    found = decode(headers | {"Traceparent": "00-a-b-01"}, b"", NOW)
    assert found.extensions["traceparent"] == "00-a-b-01"
    own = decode(headers | {"traceparent": "x", "ce-traceparent": "00-a-b-01"}, b"", NOW)
    assert own.extensions["traceparent"] == "00-a-b-01"


@given(st.dictionaries(TEXT, TEXT, max_size=4), st.binary(max_size=100))
def test_nothing_but_a_refusal_comes_of_rubbish(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(Rejected):
        decode(headers, body, NOW)


def test_the_first_wrong_field_is_named() -> None:
    event = Event("1", "s", "dev.aiops.topology.observed.v1", NOW, b'{"calls":[{"client":""}]}')
    with pytest.raises(Rejected, match=r"^dev.aiops.topology.observed.v1: domain: Field required"):
        read_fact(event, TopologyObserved)


def test_facts_survive_the_wire() -> None:
    fact = TopologyObserved(domain="d", calls=(Call(client="a", server="b"),), observed_at=NOW)
    event = Event("1", "s", fact.type, NOW, fact.model_dump_json().encode())
    assert read_fact(event, TopologyObserved) == fact
    with pytest.raises(Rejected, match="stage"):
        read_fact(Event("1", "s", "t", NOW, b'{"stage":"sleep","now":1}'), WorkDue)


def test_times_are_written_in_utc_with_milliseconds() -> None:
    assert iso(NOW + 250) == "2026-01-01T00:00:00.250Z"
