"""Spans are understood as they were measured, and each call is counted once from both ends."""

import json
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.json.common.trace_encoder import encode_spans as encode_as_json
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, Status, StatusCode

from aiops.adapters.memory_call_sightings import MemoryCallSightings
from aiops.adapters.memory_span_pairs import MemorySpanPairs
from aiops.call_sightings import SeenCall
from aiops.errors import Rejected
from aiops.ports import Event
from aiops.series import SeriesMap
from functions.detect.signals.origin import service_of
from functions.detect.signals.traces.config import TracesConfig
from functions.detect.signals.traces.signal import MOST_SPANS, TraceSignal
from functions.detect.signals.traces.span import MAX_STORE, operation_of, store_of
from functions.detect.sources import PLAIN_RECORD
from functions.detect.windows.fold import quantile
from functions.detect.windows.tally import Tally

GOLDEN = Path(__file__).parents[1] / "golden" / "traces"
NAMES = sorted(file.stem for file in GOLDEN.glob("*.json"))
NOW = 1_544_712_700_000
SOURCE = "/apis/v1/namespaces/aiops/kafkasources/logs-and-traces-to-detect#"


def event(data: bytes, topic: str = "traces", offset: int = 1) -> Event:
    return Event(f"partition:0/offset:{offset}", SOURCE + topic, PLAIN_RECORD, NOW, data)


class World:
    """One instance, or several that share what they keep."""

    def __init__(self, **config: Any) -> None:
        self.pairs, self.calls = MemorySpanPairs(), MemoryCallSightings()
        self.config = TracesConfig(**config)
        self.signal = self.instance()

    def instance(self) -> TraceSignal:
        return TraceSignal(self.config, SeriesMap(), {}, self.pairs, self.calls)

    def tell(self, *spans: dict[str, Any], offset: int = 1) -> Tally:
        return self.signal.tally(event(written(spans), offset=offset))


def written(spans: Any) -> bytes:
    """Return spans as their services export them: a resource each."""
    resources = [
        {
            "resource": {
                "attributes": [{"key": "service.name", "value": {"stringValue": one["service"]}}]
            },
            "scopeSpans": [{"spans": [{k: v for k, v in one.items() if k != "service"}]}],
        }
        for one in spans
    ]
    return json.dumps({"resourceSpans": resources}).encode()


def span(service: str, kind: int, identity: str, parent: str = "", **more: Any) -> dict[str, Any]:
    seconds = more.pop("seconds", 0.1)
    start = NOW * 1_000_000 - 10_000_000_000
    return {
        "service": service, "kind": kind, "spanId": identity, "parentSpanId": parent,
        "traceId": more.pop("trace", "4bf92f"), "name": more.pop("name", "GET /"),
        "startTimeUnixNano": str(start), "endTimeUnixNano": str(start + round(seconds * 1e9)),
        **more,
    }  # fmt: skip


SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5
FAILED = {"code": 2}


def counts(tally: Tally, service: str) -> dict[tuple[str, ...], int]:
    part = tally.services[service]
    found = {(m, *(v for _, v in labels)): n for (_, (m, labels)), n in part.counts.items()}
    return found | {
        (m, *(v for _, v in labels)): sum(n.values())
        for (_, (m, labels)), n in part.durations.items()
    }


def read(data: bytes, topic: str = "traces") -> tuple[list[dict[str, Any]], dict[str, int]]:
    tally = Tally()
    found = World().signal.spans(event(data, topic), tally)
    return [
        {
            "service": service_of(one.labels, SeriesMap()), "operation": one.operation,
            "kind": one.kind, "end": one.end, "seconds": one.seconds, "failed": one.failed,
            "trace": one.trace, "id": one.id, "parent": one.parent, "store": one.store,
        }
        for one in found
    ], dict(+tally.dropped)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_record_is_read_as_its_format_says(name: str) -> None:
    expected = json.loads((GOLDEN / f"{name}.expected").read_text())
    spans, dropped = read((GOLDEN / f"{name}.json").read_bytes())
    assert spans == expected["spans"]
    assert dropped == expected["dropped"]


@pytest.mark.parametrize("encoding", ["json", "proto"])
def test_what_the_sdk_sends_is_read_as_it_was_measured(encoding: str) -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracer = provider.get_tracer("shop")
    begin = NOW * 1_000_000
    with tracer.start_as_current_span("GET /", kind=SpanKind.SERVER, start_time=begin) as outer:
        inner = tracer.start_span("call", kind=SpanKind.CLIENT, start_time=begin)
        inner.set_attribute("db.system", "redis")
        inner.set_status(Status(StatusCode.ERROR, "gone"))
        inner.end(begin + 250_000_000)
    spans = kept.get_finished_spans()
    if encoding == "json":
        encoded: Any = encode_as_json(spans)
        data = encoded.to_json().encode() if hasattr(encoded, "to_json") else encoded
        found, dropped = read(data)
    else:
        found, dropped = read(encode_spans(spans).SerializeToString(), "otlp_spans")
    provider.shutdown()
    client, server = found
    assert dropped == {}
    assert (client["kind"], client["failed"], client["store"]) == ("client", True, "redis")
    assert client["seconds"] == pytest.approx(0.25)
    assert client["end"] == NOW + 250
    assert client["parent"] == server["id"] == f"{outer.get_span_context().span_id:016x}"
    assert client["trace"] == f"{outer.get_span_context().trace_id:032x}"
    assert (server["kind"], server["service"], server["parent"]) == ("server", "shop", "")


WORDS = st.sampled_from(
    ["resourceSpans", "resource", "scopeSpans", "spans", "kind", "status", "code", "name",
     "startTimeUnixNano", "endTimeUnixNano", "traceId", "spanId", "attributes", "key", "value"]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.dictionaries(WORDS, inner, max_size=5)
        | st.lists(inner, max_size=3)
        | st.fixed_dictionaries(
            {"resourceSpans": st.lists(st.fixed_dictionaries({"scopeSpans": inner}))}
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_whatever_is_sent_is_read_or_refused(document: object) -> None:
    with suppress(Rejected):
        tally = World().signal.tally(event(json.dumps(document).encode()))
        assert all(name and part.newest > 0 for name, part in tally.services.items())


@given(st.dictionaries(WORDS, JSON))
def test_whatever_a_span_holds_it_is_read_or_counted(content: dict[str, Any]) -> None:
    one = {**span("a", SERVER, "1"), **content}
    found, dropped = read(written([one]))
    assert len(found) + dropped.get("malformed", 0) == 1
    assert all(each["seconds"] >= 0 and each["operation"] for each in found)


@given(st.binary(max_size=200), st.sampled_from(["traces", "otlp_spans"]))
def test_bytes_that_mean_nothing_are_read_or_refused(data: bytes, topic: str) -> None:
    with suppress(Rejected):
        World().signal.tally(event(data, topic))


TIMES = st.integers() | st.integers(1 << 60, 1 << 66) | st.integers(10**300, 10**310)


@given(TIMES, TIMES, st.sampled_from([SERVER, CLIENT]))
def test_whatever_times_a_span_has_it_is_counted_or_dropped(
    begin: int, end: int, kind: int
) -> None:
    one = span("a", kind, "1", parent="0")
    told = {**one, "startTimeUnixNano": str(begin), "endTimeUnixNano": str(end)}
    tally = World().tell(told, span("b", SERVER, "2", parent="1"))
    assert set(tally.dropped) <= {"malformed"}
    assert ("span_requests", "GET /") in counts(tally, "b")


def test_what_is_asked_of_a_service_is_counted_timed_and_its_failures_too() -> None:
    tally = World().tell(
        span("cart", SERVER, "1", seconds=0.2),
        span("cart", SERVER, "2", seconds=0.4, status=FAILED, trace="bad"),
        span("cart", CONSUMER, "3", name="orders process"),
        span("cart", 1, "4", seconds=9.0),
    )
    assert counts(tally, "cart") == {
        ("span_requests", "GET /"): 2,
        ("span_errors", "GET /"): 1,
        ("span_duration_seconds", "GET /"): 2,
        ("span_requests", "orders process"): 1,
        ("span_errors", "orders process"): 0,
        ("span_duration_seconds", "orders process"): 1,
    }
    part = tally.services["cart"]
    errors = next(cell for cell in part.counts if cell[1][0] == "span_errors")
    times = next(cell for cell in part.durations if cell[1][1] == (("operation", "GET /"),))
    assert part.exemplars[errors] == ["bad"]
    assert part.exemplars[times] == ["bad", "4bf92f"]
    assert quantile(dict(part.durations[times]), 1.0) == pytest.approx(0.4, rel=0.05)


CALL = [
    span("shop", CLIENT, "c1", seconds=0.3, status=FAILED),
    span("cart", SERVER, "s1", parent="c1", seconds=0.2),
]
EDGE = {
    ("call_requests", "shop", "cart"): 1,
    ("call_errors", "shop", "cart"): 1,
    ("edge_client_duration_seconds", "shop", "cart"): 1,
    ("edge_server_duration_seconds", "shop", "cart"): 1,
}
SERVED = {
    ("span_requests", "GET /"): 1,
    ("span_errors", "GET /"): 0,
    ("span_duration_seconds", "GET /"): 1,
}


def test_a_call_is_counted_when_both_of_its_ends_are_known() -> None:
    world = World()
    assert counts(world.tell(CALL[0], offset=1), "cart") == {}
    assert counts(world.tell(CALL[1], offset=2), "cart") == SERVED | EDGE
    assert counts(world.tell(CALL[0], offset=1), "cart") == {}
    assert counts(world.tell(CALL[1], offset=2), "cart") == SERVED | EDGE
    assert world.calls.seen == {SeenCall("shop", "cart"): NOW - 10_000 + 300}


def test_a_message_is_a_call_of_who_sends_to_who_takes_it() -> None:
    world = World()
    tally = world.tell(
        span("shop", PRODUCER, "p"), span("mail", CONSUMER, "c", parent="p", name="GET /")
    )
    assert ("call_requests", "shop", "mail") in counts(tally, "mail")


def test_a_service_that_calls_itself_calls_nobody() -> None:
    world = World()
    tally = world.tell(span("cart", CLIENT, "c"), span("cart", SERVER, "s", parent="c"))
    assert counts(tally, "cart") == SERVED
    assert world.calls.seen == {}


def test_a_database_is_known_by_its_clients_alone() -> None:
    world = World()
    attributes = [{"key": "db.system", "value": {"stringValue": "redis"}}]
    tally = world.tell(span("cart", CLIENT, "c", attributes=attributes, seconds=0.5))
    assert counts(tally, "redis") == {
        ("call_requests", "cart", "redis"): 1,
        ("call_errors", "cart", "redis"): 0,
        ("edge_client_duration_seconds", "cart", "redis"): 1,
    }
    assert list(world.calls.seen) == [SeenCall("cart", "redis", "database")]


def asked(system: str, **attributes: str) -> dict[str, Any]:
    told = {"db.system": system, **{k.replace("_", "."): v for k, v in attributes.items()}}
    written = [{"key": key, "value": {"stringValue": value}} for key, value in told.items()]
    return span("cart", CLIENT, "c", attributes=written)


@pytest.mark.parametrize(
    "address", ["10.0.0.5", "fe80::1", "2001:db8::7", "[::1]", "::ffff:1.2.3.4"]
)
def test_an_address_is_no_name_of_a_database(address: str) -> None:
    world = World()
    world.tell(asked("postgresql", server_address=address))
    assert list(world.calls.seen) == [SeenCall("cart", "postgresql", "database")]


def test_a_database_is_named_by_its_host_in_the_older_words_too() -> None:
    world = World()
    world.tell(asked("postgresql", net_peer_name="orders-db.prod.svc"))
    assert list(world.calls.seen) == [SeenCall("cart", "orders-db", "database")]


@given(st.text(), st.text(min_size=1))
def test_the_name_of_a_database_is_short_and_printable(peer: str, system: str) -> None:
    found = store_of({"db_system": system, "peer_service": peer})
    assert len(found) <= MAX_STORE
    assert found.isprintable()


def test_a_clock_that_is_ahead_keeps_no_call_longer_than_others() -> None:
    world = World()
    later = str((NOW + 10**10) * 1_000_000)
    world.tell({**asked("redis"), "endTimeUnixNano": later})
    assert world.calls.seen == {SeenCall("cart", "redis", "database"): NOW}


@pytest.mark.parametrize("end", ["1" + "0" * 40, str(1 << 63)])
def test_what_ends_at_no_time_is_counted_and_the_rest_is_read(end: str) -> None:
    tally = World().tell({**CALL[0], "endTimeUnixNano": end}, CALL[1])
    assert tally.dropped == {"malformed": 1}
    assert counts(tally, "cart") == SERVED


@pytest.mark.parametrize("name", ["traceId", "spanId", "parentSpanId"])
def test_ids_are_words_without_anything_that_could_be_taken_for_more(name: str) -> None:
    tally = World().tell({**CALL[1], name: "<!channel>"}, span("cart", SERVER, "s2"))
    assert tally.dropped == {"malformed": 1}
    assert counts(tally, "cart") == SERVED


def test_calls_are_told_of_once_a_minute_by_an_instance() -> None:
    world = World()
    world.tell(*CALL)
    world.calls.seen.clear()
    world.tell(*({**one, "traceId": "other"} for one in CALL), offset=2)
    assert world.calls.seen == {}
    world.instance().tally(event(written({**one, "traceId": "third"} for one in CALL), offset=3))
    assert len(world.calls.seen) == 1


@pytest.mark.parametrize("seed", range(60))
def test_however_a_trace_is_cut_repeated_and_spread_each_call_counts_once(seed: int) -> None:
    """A record that is counted is known by its offset afterwards; until then it may come again."""
    random = Random(seed)
    world = World()
    instances = [world.instance() for _ in range(3)]
    spans = []
    for n in range(8):
        client, server = random.sample(["a", "b", "c"], 2)
        spans += [span(client, CLIENT, f"c{n}"), span(server, SERVER, f"s{n}", parent=f"c{n}")]
    expected = len(spans) // 2
    random.shuffle(spans)
    records = []
    while spans:
        size = random.randint(1, 3)
        records.append(event(written(spans[:size]), offset=len(records)))
        spans = spans[size:]
    attempts = [one for one in records for _ in range(random.randint(1, 3))]
    random.shuffle(attempts)
    counted: dict[str, int] = {}
    for one in attempts:
        tally = random.choice(instances).tally(one)
        found = sum(
            n
            for part in tally.services.values()
            for (_, (metric, _)), n in part.counts.items()
            if metric == "call_requests"
        )
        counted[one.id] = max(found, counted.get(one.id, 0))
        assert found in {0, counted[one.id]}
    assert sum(counted.values()) == expected


def test_operations_of_a_record_are_bounded() -> None:
    world = World(max_operations=2)
    tally = world.tell(*(span("cart", SERVER, name, name=name) for name in "abcdb"))
    assert {labels[0][1] for _, (_, labels) in tally.services["cart"].counts} == {"a", "b", "other"}
    assert counts(tally, "cart")["span_requests", "other"] == 2


def test_spans_of_a_record_are_bounded() -> None:
    data = written([span("a", 1, "x")])
    document = json.loads(data)
    scope = document["resourceSpans"][0]["scopeSpans"][0]
    scope["spans"] *= MOST_SPANS + 3
    found, dropped = read(json.dumps(document).encode())
    assert (len(found), dropped) == (MOST_SPANS, {"too_many_spans": 3})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "data: unknown format"),
        (b'{"x": 1}', "data: unknown format; expected spans"),
        (b"[3]", "data: unknown format; expected spans"),
        (b'{"resourceSpans": 5}', "data: malformed"),
    ],
)
def test_what_is_no_span_is_refused_with_the_reason(data: bytes, message: str) -> None:
    with pytest.raises(Rejected, match=message):
        World().signal.tally(event(data))


@given(st.text())
def test_the_name_of_an_operation_is_short_printable_and_its_own(name: str) -> None:
    found = operation_of(name)
    assert 0 < len(found) <= 100
    assert found.isprintable()
    assert operation_of(found) == operation_of(operation_of(found))
