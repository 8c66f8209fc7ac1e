"""Logs are understood as they were written, and say no more than they should."""

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.json.common._log_encoder import encode_logs as encode_as_json
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource

from aiops.errors import Rejected
from aiops.ports import Event
from aiops.series import SeriesMap
from functions.detect.signals.logs.config import LEVELS, LogsConfig
from functions.detect.signals.logs.masking import MASK, template_of
from functions.detect.signals.logs.record import level_in, level_of, level_of_number
from functions.detect.signals.logs.redaction import MAX_EXAMPLE, example_of
from functions.detect.signals.logs.signal import MOST_LINES, LogSignal
from functions.detect.signals.origin import service_of
from functions.detect.sources import PLAIN_RECORD
from functions.detect.windows.tally import MINUTE_MS, Tally

GOLDEN = Path(__file__).parents[1] / "golden" / "logs"
NAMES = sorted(file.stem for file in GOLDEN.glob("*.json"))
NOW = 1_544_712_700_000
SOURCE = "/apis/v1/namespaces/aiops/kafkasources/logs-to-detect#"
FORMATS = ("otlp_json", "loki", "lines")


def event(data: bytes, topic: str = "logs", now: int = NOW) -> Event:
    return Event("partition:0/offset:1", SOURCE + topic, PLAIN_RECORD, now, data)


def signal(**config: Any) -> LogSignal:
    return LogSignal(LogsConfig(**config), SeriesMap(), {})


def read(data: bytes, topic: str = "logs") -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Return the lines of a record, and what was dropped of it."""
    tally = Tally()
    found = signal().records(event(data, topic), tally)
    lines = [
        {
            "service": service_of(one.labels, SeriesMap()), "time": one.time, "level": one.level,
            "text": one.text, "error": one.error, "trace": one.trace,
        }
        for one in found
    ]  # fmt: skip
    return lines, dict(+tally.dropped)


def told(lines: list[dict[str, Any]], **config: Any) -> Tally:
    data = "\n".join(map(json.dumps, lines)).encode()
    return signal(**config).tally(event(data))


@pytest.mark.parametrize("name", NAMES)
def test_a_record_is_read_as_its_format_says(name: str) -> None:
    expected = json.loads((GOLDEN / f"{name}.expected").read_text())
    lines, dropped = read((GOLDEN / f"{name}.json").read_bytes())
    assert lines == expected["lines"]
    assert dropped == expected["dropped"]


@pytest.mark.parametrize("encoding", ["json", "proto"])
def test_what_the_sdk_sends_is_read_as_it_was_logged(encoding: str) -> None:
    kept = InMemoryLogRecordExporter()
    provider = LoggerProvider(resource=Resource.create({"service.name": "cart"}))
    provider.add_log_record_processor(SimpleLogRecordProcessor(kept))
    logger = provider.get_logger("shop")
    logger.emit(
        timestamp=NOW * 1_000_000,
        severity_number=SeverityNumber.ERROR,
        severity_text="ERROR",
        body="no stock",
        attributes={"exception.type": "StockError", "n": 5},
    )
    logger.emit(
        timestamp=NOW * 1_000_000,
        severity_number=SeverityNumber.INFO,
        body={"message": "in a map", "list": [1, None]},
    )
    batch = kept.get_finished_logs()
    if encoding == "json":
        encoded = encode_as_json(batch)
        data = encoded.to_json().encode() if hasattr(encoded, "to_json") else encoded
        lines, dropped = read(data)
    else:
        lines, dropped = read(encode_logs(batch).SerializeToString(), "otlp_logs")
    provider.shutdown()
    assert dropped == {}
    assert [(one["service"], one["time"]) for one in lines] == [("cart", NOW)] * 2
    assert [(one["level"], one["text"], one["error"]) for one in lines] == [
        ("error", "no stock", "StockError"),
        ("info", "in a map", ""),
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=10,
)
WORDS = st.sampled_from(
    [
        "resourceLogs", "resource", "attributes", "scopeLogs", "logRecords", "timeUnixNano",
        "severityNumber", "body", "stringValue", "kvlistValue", "values", "key", "value", "streams",
        "stream", "message", "level", "time", "kubernetes", "service", "traceId",
    ]
)  # fmt: skip
DOCUMENTS = st.recursive(
    JSON,
    lambda inner: st.dictionaries(WORDS, inner, max_size=4) | st.lists(inner, max_size=3),
    max_leaves=20,
)


@given(DOCUMENTS)
def test_whatever_is_sent_is_read_or_refused(document: object) -> None:
    try:
        tally = signal().tally(event(json.dumps(document).encode()))
    except Rejected:
        return
    for name, part in tally.services.items():
        assert name
        assert part.newest > 0
        assert all(minute >= 0 and n > 0 for (minute, _), n in part.counts.items())


@given(st.binary(max_size=200), st.sampled_from(["logs", "otlp_logs"]))
def test_bytes_that_mean_nothing_are_read_or_refused(data: bytes, topic: str) -> None:
    with suppress(Rejected):
        signal().tally(event(data, topic))


@pytest.mark.parametrize(
    ("word", "level"),
    [
        ("WARNING", "warn"), (" [err] ", "error"), ("Informational", "info"), ("emerg", "fatal"),
        ("loud", "unknown"), ("4", "warn"), (4, "warn"), (0, "fatal"), (7, "debug"), (30, "info"),
        (10, "trace"), (60, "fatal"), (70, "unknown"), (8, "unknown"), (-1, "unknown"),
        (True, "unknown"), (None, "unknown"), (3.0, "unknown"), ("²", "unknown"),
    ],
)  # fmt: skip
def test_a_level_is_told_in_many_words(word: object, level: str) -> None:
    assert level_of(word) == level


def test_severity_numbers_go_from_1_to_24() -> None:
    every = [level_of_number(n) for n in range(1, 25)]
    assert every == [level for level in LEVELS for _ in range(4)]
    assert {level_of_number(n) for n in (-5, 0, 25, 10**9)} == {"unknown"}


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("2026-01-01 10:00:00 ERROR [main] no", "error"),
        ('time="x" level=warning msg="y"', "warn"),
        ('level="debug"', "debug"),
        ("terror and information", "unknown"),
        (" " * 200 + "ERROR", "unknown"),
    ],
)
def test_a_line_may_say_its_level_itself(text: str, level: str) -> None:
    assert level_in(text) == level


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("took 12ms for 3 items", "took <*> for <*> items"),
        ("GET /api/users/17/orders?id=5 500", "GET /api/users/<*>/orders?id=<*>"),
        ("user 'alice' not found", "user <*> not found"),
        ("can't charge, won't retry", "can't charge, won't retry"),
        ("dial tcp 10.0.0.7:5432: i/o timeout", "dial tcp <*>: i/o timeout"),
        ("trace 0af7651916cd43dd8448eb211c80319c", "trace <*>"),
        ("2026-01-01T10:00:00.123Z worker-7 failed", "<*> failed"),
        ("mail to a.b@example.com via https://x.y/z", "mail to <*> via <*>"),
        ('level=error msg="no stock" order=17', "no stock"),
        ("level=info msg=started", "started"),
        ("Traceback (last call last):\n  File 'x', line 3", "Traceback (last call last):"),
        ("a b  " + "x" * 65, "a b <*>"),
        ("", ""),
    ],
)  # fmt: skip
def test_what_differs_from_line_to_line_is_masked(text: str, template: str) -> None:
    assert template_of(text).text == template


def test_the_kind_of_an_error_is_a_part_of_its_template() -> None:
    one, other = template_of("failed", "IOError"), template_of("failed", "KeyError")
    assert (one.text, other.text) == ("IOError: failed", "KeyError: failed")
    assert one.id != other.id
    assert template_of("KeyError: failed", "KeyError") == other


@given(st.integers(0, 10**18), st.uuids(), st.ip_addresses(), st.text("abc -_", max_size=20))
def test_the_same_line_with_other_values_is_the_same(number, uuid, address, quoted) -> None:
    other = f'order {number} of {uuid} from {address} said "{quoted}"'
    assert template_of(other) == template_of('order 1 of 2 from 3 said "x"')


@given(st.text())
def test_a_template_is_its_own_template_and_short(text: str) -> None:
    found = template_of(text)
    assert len(found.id) == 16
    assert len(found.text) <= 200
    assert template_of(found.text) == template_of(template_of(found.text).text)


SECRETS = [
    ("Authorization: Bearer abc.def-123456", "abc.def"),
    ("authorization=Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
    ('{"password": "hunter2 and more", "user": "x"}', "hunter2"),
    ("DB_PASSWORD='se cret' retry", "se cret"),
    ("aws_secret_access_key = wJalrXUtnFEMI", "wJalr"),
    ("api-key:12345abc", "12345abc"),
    ("token=abc123&x=1", "abc123"),
    ("got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig", "eyJ"),
    ("key AKIAIOSFODNN7EXAMPLE used", "AKIA"),
    ("push with ghp_0123456789abcdefABCDEF", "ghp_"),
    ("hook xoxb-12345-67890-abcdef", "xoxb"),
    ("postgres://admin:s3cr3t@db:5432/x", "s3cr3t"),
    ("mail jane.doe@example.com bounced", "jane.doe"),
    ("card 4111 1111 1111 1111 declined", "1111"),
    ("card 4111111111111111 declined", "4111"),
    ("-----BEGIN RSA PRIVATE KEY-----MIIEow", "MIIEow"),
    ("Set-Cookie: session=1; cookie=abcd", "abcd"),
]


@pytest.mark.parametrize(("text", "secret"), SECRETS)
def test_an_example_has_no_secret_in_it(text: str, secret: str) -> None:
    assert secret in text
    assert secret not in example_of(text)
    assert secret not in example_of("x" * (MAX_EXAMPLE - 20) + " " + text)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Authorization: Bearer abcdefghijk", "abcdefghijk"),
        ("Authorization: Digest abcdefghijk", "abcdefghijk"),
        ("login failed, password: hunter for bob", "hunter"),
        ("posting to https://hooks.slack.com/services/TA/BA/abcdef failed", "abcdef"),
    ],
)
def test_a_secret_without_a_digit_is_in_no_template_and_no_example(text: str, secret: str) -> None:
    assert secret not in template_of(text).text
    assert secret not in example_of(text)


LOGGED = {"level": "error", "msg": "no route", "trace_id": "ab" * 16, "error.type": "NoRoute"}


@pytest.mark.parametrize(
    "document",
    [
        {"log": json.dumps(LOGGED), "kubernetes": {"pod_name": "cart-0"}},
        {"message": LOGGED, "service.name": "cart"},
        {"message": json.dumps(LOGGED | {"service.name": "cart"})},
        {
            "streams": [
                {"stream": {"app": "cart"}, "values": [[f"{NOW}000000", json.dumps(LOGGED)]]}
            ]
        },
    ],
)
def test_what_a_logger_wrote_as_json_is_read_through_what_a_shipper_made_of_it(
    document: dict[str, Any],
) -> None:
    (line,), dropped = read(json.dumps(document).encode())
    assert dropped == {}
    assert line | {"time": NOW} == {
        "service": "cart", "time": NOW, "level": "error", "text": "no route",
        "error": "NoRoute", "trace": "ab" * 16,
    }  # fmt: skip


@given(st.text())
def test_an_example_is_short_and_printable(text: str) -> None:
    found = example_of(text)
    assert len(found) <= MAX_EXAMPLE
    assert all(character.isprintable() for character in found)


HOSTILE = [
    "${jndi:ldap://x/a}", "<!channel>", "a=" * 60_000, "'" * 100_000, "\\" * 100_000,
    "password" * 12_000, "a.b@" * 25_000, "4 " * 50_000, "eyJ" * 33_000, "://" + "a" * 100_000,
    'msg="' + "\\a" * 50_000, "\x00" * 1_000, "-" * 100_000, "/1" * 50_000,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_line_of_a_hundred_kilobytes_costs_no_more_than_its_length(text: str) -> None:
    began = time.process_time()
    tally = told([{"level": "error", "message": text + str(n)} for n in range(5)])
    assert time.process_time() - began < 5
    assert tally.services["unknown"].counts


def cells(tally: Tally, service: str) -> dict[tuple[str, ...], int]:
    part = tally.services[service]
    return {
        (metric, *(value for name, value in labels if name != "template")): n
        for (_, (metric, labels)), n in part.counts.items()
    }


def test_lines_are_counted_by_level_and_errors_by_what_they_say() -> None:
    tally = told(
        [
            {"service": "cart", "level": "info", "message": "fine", "time": NOW},
            {"service": "cart", "level": "warn", "message": "slow 12", "time": NOW},
            {"service": "cart", "level": "error", "message": "no stock 1", "trace_id": "4bf92f"},
            {"service": "cart", "level": "fatal", "message": "no stock 2"},
            {"service": "pay", "level": "error", "message": " "},
        ]
    )
    assert cells(tally, "cart") == {
        ("log_lines", "info"): 1,
        ("log_lines", "warn"): 1,
        ("log_lines", "error"): 1,
        ("log_lines", "fatal"): 1,
        ("log_errors",): 2,
        ("log_template_lines", "warn", "slow <*>"): 1,
        ("log_error_lines", "error", "no stock <*>"): 1,
        ("log_error_lines", "fatal", "no stock <*>"): 1,
    }
    assert cells(tally, "pay") == {("log_lines", "error"): 1, ("log_errors",): 1}
    ((template, seen),) = tally.services["cart"].sightings.items()
    assert (template, seen.text) == (template_of("no stock 1").id, "no stock 1")
    assert (seen.exemplar, seen.time) == ("4bf92f", NOW)
    assert all(minute == NOW // MINUTE_MS for minute, _ in tally.services["cart"].counts)


def test_different_templates_of_a_record_are_bounded() -> None:
    lines = [{"level": "error", "message": "x" * n} for n in range(1, 6)]
    tally = told(lines, max_templates=3)
    assert tally.dropped == {"too_many_templates": 2}
    assert cells(tally, "unknown")["log_errors",] == 5
    assert len(tally.services["unknown"].sightings) == 3


def test_lines_of_a_record_are_bounded() -> None:
    data = json.dumps([{"message": "x"}] * (MOST_LINES + 2)).encode()
    tally = signal().tally(event(data))
    assert tally.dropped == {"too_many_lines": 2}
    assert cells(tally, "unknown") == {("log_lines", "unknown"): MOST_LINES}


def test_a_time_before_1970_is_none() -> None:
    tally = told([{"message": "x", "time": -5}, {"message": "x", "time": 0}])
    assert tally.dropped == {"no_time": 2}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "data: unknown format"),
        (b"[1]", "data: unknown format; expected logs"),
        (b'{"x": 1}', "data: unknown format; expected logs"),
        (b'{"resourceLogs": 5}', "data: malformed"),
    ],
)
def test_what_is_no_log_is_refused_with_the_reason(data: bytes, message: str) -> None:
    with pytest.raises(Rejected, match=message):
        signal().tally(event(data))


@pytest.mark.parametrize(
    ("labels", "service"),
    [
        ({"service": "cart", "pod": "x"}, "cart"),
        ({"deployment": "cart", "container": "c"}, "cart"),
        ({"pod": "cart-6d5f8b9c7d-x2k4z", "container": "c"}, "cart"),
        ({"container": "c"}, "c"),
        ({"host": "a\nb"}, "a b"),
        ({}, "unknown"),
        ({"host": "\n"}, "unknown"),
    ],
)
def test_the_service_is_what_its_metrics_are_told_to_belong_to(labels, service: str) -> None:
    assert service_of(labels, SeriesMap()) == service


def test_the_mask_is_no_word_a_line_can_forge() -> None:
    assert template_of(f"a {MASK} b") == template_of("a 1 b")
