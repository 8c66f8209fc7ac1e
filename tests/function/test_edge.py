"""The edge every function shares: health, status codes, logs, trace context."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_series import MemorySeriesStore
from aiops.errors import Unavailable
from aiops.series_store import MAX_BACKLOG
from tests.function.test_bad_input import HEADERS, NOW_MS, batch

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize("path", ["/health/liveness", "/health/readiness"])
def test_probes_are_answered_without_any_server(detect: FlaskClient, path: str) -> None:
    assert detect.get(path).status_code == 200


def test_nothing_else_is_a_page(detect: FlaskClient) -> None:
    assert detect.get("/").status_code == 404
    assert detect.put("/").status_code == 405


def test_success_is_an_empty_204_because_a_trigger_takes_any_other_body_for_failure(
    detect: FlaskClient,
) -> None:
    answer = detect.post("/", data=batch(), headers=HEADERS)
    assert (answer.status_code, answer.data) == (204, b"")


def test_a_dependency_that_is_away_is_answered_503_so_that_the_event_comes_again(
    detect: FlaskClient, series_store: MemorySeriesStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise Unavailable("Redis: ConnectionError")

    monkeypatch.setattr(MemorySeriesStore, "load", away)
    answer = detect.post("/", data=batch(), headers=HEADERS)
    assert (answer.status_code, answer.text) == (503, "Redis: ConnectionError\n")


def test_redis_that_nobody_answers_for_is_503(
    serve: Callable[[str], FlaskClient],
) -> None:
    assert serve("detect").post("/", data=batch(), headers=HEADERS).status_code == 503


def test_a_bug_is_500_and_loud_but_shows_no_data(
    detect: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(MemorySeriesStore, "load", lambda *_: 1 / 0)
    answer = detect.post("/", data=batch(), headers=HEADERS)
    assert (answer.status_code, answer.text) == (500, "bug: ZeroDivisionError\n")
    assert "Traceback" in capsys.readouterr().err


def test_one_line_of_json_says_what_became_of_an_event(
    detect: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    detect.post(
        "/", data=batch(), headers=HEADERS | {"traceparent": TRACE, "ce-correlationid": "i"}
    )
    (line,) = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert found["function"] == "detect"
    assert (found["status"], found["event"], found["accepted"]) == (204, "1", 1)
    assert (found["correlationid"], found["traceparent"]) == ("i", TRACE)


def test_the_trace_goes_on_into_what_is_published(
    serve_detect: Callable[[], FlaskClient], environment: Path, publisher: MemoryPublisher
) -> None:
    (environment / "aiops.yaml").write_text(
        "detect: {default: {detector: static, params: {upper: 10}}}", encoding="utf-8"
    )
    body = batch(samples=[[0, NOW_MS, 99.0]])
    answer = serve_detect().post("/", data=body, headers=HEADERS | {"traceparent": TRACE})
    assert answer.status_code == 204
    (message,) = publisher.topics["anomalies"]
    version, trace, span, flags = message.event.extensions["traceparent"].split("-")
    assert (version, trace, flags) == ("00", TRACE.split("-")[1], "01")
    assert span != TRACE.split("-")[2]
    assert message.event.extensions["causationid"] == "1"


SETTINGS = {
    "REDIS_URL": ("http://x", "REDIS_URL: expected one of redis, "),
    "KAFKA_BOOTSTRAP_SERVERS": ("kafka", "KAFKA_BOOTSTRAP_SERVERS: expected host:port"),
    "AIOPS_CLOCK": ("soon", "AIOPS_CLOCK: expected 'wall,origin,rate'"),
    "AIOPS_DOMAIN": ("a{b}", "AIOPS_DOMAIN: letters"),
    "AIOPS_GENERATION": ("a b", "AIOPS_GENERATION: letters and digits"),
    "AIOPS_CONFIG": ("/no/such/file", "AIOPS_CONFIG: no file"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_wrong_setting_stops_the_start_with_one_line_that_names_it(
    serve: Callable[[str], FlaskClient], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    value, words = SETTINGS[name]
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match="aiops detect: ") as stopped:
        serve("detect")
    assert words in str(stopped.value)
    assert "\n" not in str(stopped.value)


FILES = {
    "no YAML": ("{", "aiops.yaml"),
    "no mapping": ("[1]", "expected a mapping"),
    "an unknown section": ("detcet: {}", "unknown section 'detcet'"),
    "an unknown field": ("detect: {defualt: {}}", "detect.defualt"),
    "an unknown detector": (
        "detect: {default: {detector: crystal_ball}}",
        "no detector named 'crystal_ball'; there is baseline",
    ),
    "a parameter it does not know": (
        "detect: {default: {detector: static, params: {colour: 1}}}",
        "params of static",
    ),
    "a pattern that is none": ("detect: {rules: [{match: {metric: '('}}]}", "is no pattern"),
    "a role pattern that is none": ("series: {roles: [['(', other]]}", "is no pattern"),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_wrong_configuration_stops_the_start_with_one_line_that_names_it(
    serve: Callable[[str], FlaskClient], environment: Path, kind: str
) -> None:
    text, words = FILES[kind]
    (environment / "aiops.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit, match="aiops detect: ") as stopped:
        serve("detect")
    assert words in str(stopped.value)
    assert "\n" not in str(stopped.value)


def test_a_shard_with_too_many_unpublished_anomalies_is_drained_before_it_takes_more(
    detect: FlaskClient, series_store: MemorySeriesStore, publisher: MemoryPublisher
) -> None:
    assert detect.post("/", data=batch(), headers=HEADERS).status_code == 204
    ((shard, key),) = series_store.records
    series_store.waiting[shard] = {f"{key}:{n}": (0, b"{}") for n in range(MAX_BACKLOG)}
    later = HEADERS | {"ce-time": "2026-01-01T00:01:00Z"}
    body = batch(samples=[[0, NOW_MS + 1, 1.0]])
    answer = detect.post("/", data=body, headers=later)
    assert (answer.status_code, "wait to be published" in answer.text) == (503, True)
    assert len(publisher.topics["anomalies"]) == 1
    assert detect.post("/", data=body, headers=later).status_code == 204


def test_a_body_that_was_cut_off_on_its_way_is_asked_for_again(detect: FlaskClient) -> None:
    whole = batch()
    part = whole[: len(whole) // 2]
    answer = detect.post(
        "/",
        input_stream=io.BytesIO(part),
        headers=HEADERS,
        environ_overrides={"CONTENT_LENGTH": str(len(whole))},
    )
    assert (answer.status_code, answer.text) == (
        503,
        f"body: {len(part)} of {len(whole)} bytes arrived\n",
    )
