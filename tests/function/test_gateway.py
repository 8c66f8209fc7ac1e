"""The gateway's real main.py over twins: who is believed, what it means, and the answers."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from aiops import topics
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_deliveries import MemoryDeliveries
from aiops.errors import Unavailable
from aiops.events import AnomaliesDetected, ChangeObserved, CommandGiven, FeedbackGiven, RunJudged
from aiops.plugins import available
from functions.gateway import edge
from tests import requesting
from tests.requesting import ENVIRONMENT, INCIDENT, MAKE, NOW, OTHER, OWN, SIGNED_TIME, Sent

TOKENS = ("alertmanager", "argocd")
"""Who sends a token, which says nothing of the body."""

SIGNED = [name for name in MAKE if name not in TOKENS]


class _At:
    """The time of the requests."""

    def now(self) -> int:
        return NOW * 1000


@pytest.fixture
def deliveries() -> MemoryDeliveries:
    return MemoryDeliveries()


@pytest.fixture
def start(
    monkeypatch: pytest.MonkeyPatch,
    serve: Callable[[str], FlaskClient],
    environment: Path,
    publisher: MemoryPublisher,
    deliveries: MemoryDeliveries,
) -> Callable[..., FlaskClient]:
    """Return a function that serves the gateway with every sender, or a configuration."""
    wiring = "functions.gateway.wiring"
    monkeypatch.setattr(f"{wiring}.RedisDeliveries", lambda *_: deliveries)
    monkeypatch.setattr(f"{wiring}.KafkaPublisher", lambda _: publisher)
    monkeypatch.setattr(edge, "_REAL", _At())
    for name, secret in ENVIRONMENT.items():
        monkeypatch.setenv(name, secret)

    def served(more: str = "") -> FlaskClient:
        names = ", ".join(MAKE)
        text = f"gateway: {{senders: [{names}]{more}}}"
        (environment / "aiops.yaml").write_text(text, encoding="utf-8")
        return serve("gateway")

    return served


@pytest.fixture
def gateway(start: Callable[..., FlaskClient]) -> FlaskClient:
    return start()


def post(gateway: FlaskClient, name: str, sent: Sent) -> int:
    return gateway.post(f"/{name}", data=sent.body, headers=dict(sent.headers)).status_code


def facts(publisher: MemoryPublisher) -> list[tuple[str, str]]:
    return [(m.event.type, m.key) for some in publisher.topics.values() for m in some]


@pytest.mark.parametrize("name", MAKE)
def test_what_is_signed_right_is_passed_on_once(
    gateway: FlaskClient, publisher: MemoryPublisher, name: str
) -> None:
    assert post(gateway, name, MAKE[name]()) == 200
    assert len(facts(publisher)) == 1


@pytest.mark.parametrize("name", MAKE)
def test_what_is_signed_with_another_secret_is_refused(
    gateway: FlaskClient, publisher: MemoryPublisher, name: str
) -> None:
    assert post(gateway, name, MAKE[name](secret=OTHER[name])) == 401
    assert not publisher.topics


@pytest.mark.parametrize("name", MAKE)
def test_while_a_secret_is_rotated_the_old_one_and_the_new_one_hold(
    start: Callable[..., FlaskClient], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for variable, secret in ENVIRONMENT.items():
        other = OTHER["deploy" if secret == requesting.STANDARD else "slack"]
        monkeypatch.setenv(variable, f"{other}, {secret}")
    gateway = start()
    assert post(gateway, name, MAKE[name]()) == 200
    assert post(gateway, name, MAKE[name](secret=OTHER[name])) == 200


@pytest.mark.parametrize("name", SIGNED)
def test_a_body_changed_on_its_way_is_refused(gateway: FlaskClient, name: str) -> None:
    sent = MAKE[name]()
    assert post(gateway, name, Sent(sent.headers, sent.body + b" ")) == 401


@pytest.mark.parametrize("name", SIGNED_TIME)
@pytest.mark.parametrize("off", [-301, 301])
def test_an_expired_signature_and_one_of_the_future_are_refused(
    gateway: FlaskClient, name: str, off: int
) -> None:
    assert post(gateway, name, MAKE[name](at=NOW + off)) == 401


@pytest.mark.parametrize("name", SIGNED_TIME)
@pytest.mark.parametrize("stamp", ["", "abc", "1e3", "-1", "9" * 400, " 1", "\xb2", "1767268800.5"])
def test_a_time_that_is_none_is_refused(gateway: FlaskClient, name: str, stamp: str) -> None:
    sent = MAKE[name]()
    headers = {k: stamp if "timestamp" in k else v for k, v in sent.headers.items()}
    assert post(gateway, name, Sent(headers, sent.body)) == 401


@pytest.mark.parametrize("name", SIGNED)
def test_a_delivery_replayed_is_answered_well_and_has_no_second_effect(
    gateway: FlaskClient, publisher: MemoryPublisher, name: str
) -> None:
    sent = MAKE[name]()
    assert [post(gateway, name, sent) for _ in range(3)] == [200] * 3
    assert len(facts(publisher)) == 1


@pytest.mark.parametrize("name", TOKENS)
def test_what_a_token_lets_in_twice_tells_of_the_same_thing(
    gateway: FlaskClient, publisher: MemoryPublisher, name: str
) -> None:
    assert [post(gateway, name, MAKE[name]()) for _ in range(2)] == [200] * 2
    (one, other) = [m.event.data for some in publisher.topics.values() for m in some]
    assert one == other


JUNK = {
    "nothing": b"",
    "no JSON": b"{",
    "another JSON": b"[1, null]",
    "not UTF-8": b"\xff\xfe\x00payload=\x80",
    "nested": b"[" * 100_000,
    "half a character": b'{"event": {"id": "\\ud800"}, "alerts": [], "service": "\\ud800"}',
    "a form without it": b"a=1&b=2",
    "a form with too many fields": b"a=1&" * 1000,
}


@pytest.mark.parametrize("name", MAKE)
@pytest.mark.parametrize("kind", JUNK)
def test_junk_that_is_signed_is_never_our_fault(
    gateway: FlaskClient, publisher: MemoryPublisher, name: str, kind: str
) -> None:
    status = post(gateway, name, MAKE[name](JUNK[kind]))
    allowed = {"pagerduty": {202, 413}}.get(name, {200, 400, 413})
    assert status in allowed
    assert not publisher.topics


@pytest.mark.parametrize("name", MAKE)
def test_ten_megabytes_are_refused_and_not_read(gateway: FlaskClient, name: str) -> None:
    assert post(gateway, name, MAKE[name](b"x" * 10_000_000)) == 413


@pytest.mark.parametrize("name", MAKE)
@pytest.mark.parametrize(
    "text", ["", "\xff", "v0=", "v1=", "v1, v1,", "sha256=", "Bearer", "Basic \xff"]
)
def test_junk_where_a_signature_should_be_is_refused(
    gateway: FlaskClient, name: str, text: str
) -> None:
    sent = MAKE[name]()
    headers = {
        key: text if "signature" in key or key == "authorization" else value
        for key, value in sent.headers.items()
    }
    assert post(gateway, name, Sent(headers, sent.body)) == 401
    assert post(gateway, name, Sent({}, sent.body)) == 401


def test_a_password_does_as_well_as_a_token(gateway: FlaskClient) -> None:
    answer = gateway.post(
        "/alertmanager", data=requesting.alerts(), auth=("alertmanager", OWN["alertmanager"])
    )
    assert answer.status_code == 200


VALUES = {
    "aiops.acknowledge": {"incident": INCIDENT, "command": "acknowledge"},
    "aiops.resolve": {"incident": INCIDENT, "command": "resolve"},
    "aiops.silence": {"incident": INCIDENT, "minutes": 60},
}
RUN = "0d9a1f5e-6f0f-5a53-9d52-3c1f9a1f0b22"
OPINION = {
    "anomaly": INCIDENT,
    "series": "0" * 32,
    "time": 1,
    "detector": "baseline",
    "evidence": 3.5,
}


@pytest.mark.parametrize("action", VALUES)
def test_a_button_is_the_command_of_the_one_who_pressed_it(
    gateway: FlaskClient, publisher: MemoryPublisher, action: str
) -> None:
    body = requesting.pressed({"action_id": action, "value": json.dumps(VALUES[action])})
    assert post(gateway, "slack", requesting.slack(body)) == 200
    (message,) = publisher.topics[topics.CONTROL]
    command = CommandGiven.model_validate_json(message.event.data)
    assert (command.incident, command.given_by) == (INCIDENT, "slack:U123")
    assert command.command == action.removeprefix("aiops.")
    assert command.until == (NOW * 1000 + 3_600_000 if "silence" in action else None)


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_a_button_lets_a_run_of_a_runbook_go_on_or_not(
    gateway: FlaskClient, publisher: MemoryPublisher, decision: str
) -> None:
    value = {"incident": INCIDENT, "run": RUN, "decision": decision}
    body = requesting.pressed({"action_id": f"aiops.{decision}", "value": json.dumps(value)})
    assert post(gateway, "slack", requesting.slack(body)) == 200
    (message,) = publisher.topics[topics.CONTROL]
    word = RunJudged.model_validate_json(message.event.data)
    assert (word.run, word.incident, word.decision) == (RUN, INCIDENT, decision)
    assert word.given_by == "slack:U123"
    assert (message.key, message.event.type) == (INCIDENT, RunJudged.type)


@pytest.mark.parametrize(
    ("action", "verdict"), [("aiops.real", "anomaly"), ("aiops.false_alarm", "not_anomaly")]
)
def test_a_verdict_button_is_feedback(
    gateway: FlaskClient, publisher: MemoryPublisher, action: str, verdict: str
) -> None:
    value = json.dumps(OPINION | {"verdict": verdict})
    body = requesting.pressed({"action_id": action, "value": value})
    assert post(gateway, "slack", requesting.slack(body)) == 200
    (message,) = publisher.topics[topics.CONTROL]
    feedback = FeedbackGiven.model_validate_json(message.event.data)
    assert (feedback.verdict, feedback.given_by) == (verdict, "slack:U123")


@pytest.mark.parametrize(
    ("action", "value", "status"),
    [
        ("aiops.resolve", VALUES["aiops.acknowledge"], 400),
        ("aiops.acknowledge", {"incident": "$(reboot)", "command": "acknowledge"}, 400),
        ("aiops.acknowledge", VALUES["aiops.acknowledge"] | {"incident": "a" * 100_000}, 400),
        ("aiops.silence", {"incident": INCIDENT, "minutes": 10**9}, 400),
        ("aiops.real", OPINION | {"verdict": "not_anomaly"}, 400),
        ("aiops.approve", {"incident": INCIDENT, "run": RUN, "decision": "reject"}, 400),
        ("aiops.approve", {"incident": INCIDENT, "run": "../x", "decision": "approve"}, 400),
        ("aiops.unheard_of", VALUES["aiops.acknowledge"], 200),
        ("theirs", {}, 200),
    ],
)
def test_a_button_that_is_not_ours_or_carries_something_else_does_nothing(
    gateway: FlaskClient, publisher: MemoryPublisher, action: str, value: dict, status: int
) -> None:
    body = requesting.pressed({"action_id": action, "value": json.dumps(value)})
    assert post(gateway, "slack", requesting.slack(body)) == status
    assert not publisher.topics


@pytest.mark.parametrize(
    ("said", "published"),
    [
        ({"event_type": "incident.resolved"}, "resolve"),
        ({"event_type": "incident.reopened"}, "reopen"),
        ({"event_type": "incident.annotated"}, ""),
        ({"event_type": "incident.unacknowledged"}, ""),
        ({"event_type": "incident.delegated"}, ""),
        ({"event_type": "incident.reassigned"}, ""),
        ({"event_type": "incident.escalated"}, ""),
        ({"event_type": "incident.priority_updated"}, ""),
        ({"agent": None}, ""),
        ({"agent": {"id": "PS1", "type": "service_reference"}}, ""),
        ({"data": {"incident_key": None}}, ""),
        ({"data": {"incident_key": "somebody-elses"}}, ""),
        ({"occurred_at": "2025-12-20T00:00:00Z"}, ""),
        ({"occurred_at": "soon"}, ""),
        ({"occurred_at": 5}, ""),
    ],
)
def test_what_people_do_in_pagerduty_is_a_command_and_nothing_else_is_refused(
    gateway: FlaskClient, publisher: MemoryPublisher, said: dict, published: str
) -> None:
    assert post(gateway, "pagerduty", requesting.pagerduty(requesting.paged(**said))) in {200, 202}
    found = [json.loads(m.event.data)["command"] for m in publisher.topics[topics.CONTROL]]
    assert found == ([published] if published else [])


@pytest.mark.parametrize("name", ["alertmanager", "grafana"])
def test_an_alert_is_an_anomaly_of_its_service(
    gateway: FlaskClient, publisher: MemoryPublisher, name: str
) -> None:
    assert post(gateway, name, MAKE[name]()) == 200
    (message,) = publisher.topics[topics.ANOMALIES]
    (anomaly,) = AnomaliesDetected.model_validate_json(message.event.data).anomalies
    assert (anomaly.service, anomaly.severity, message.key) == ("checkout", 5, "default")


@pytest.mark.parametrize("name", ["flux", "argocd", "deploy", "cloudevents"])
def test_a_deploy_is_a_change_of_its_service(
    gateway: FlaskClient, publisher: MemoryPublisher, name: str
) -> None:
    assert post(gateway, name, MAKE[name]()) == 200
    (message,) = publisher.topics[topics.CONTROL]
    change = ChangeObserved.model_validate_json(message.event.data)
    assert (change.service, change.kind, message.key) == ("checkout", "deploy", "checkout")
    assert NOW * 1000 - 60_000 <= change.observed_at <= NOW * 1000


HOSTILE = [
    "<!channel>",
    "$(curl http://169.254.169.254/)",
    "{{.Secret}}",
    "../../etc/passwd\n",
    "a" * 100_000,
    "",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", ["flux", "deploy"])
def test_a_name_nobody_would_give_a_service_is_refused(
    gateway: FlaskClient, publisher: MemoryPublisher, name: str, text: str
) -> None:
    bodies = {
        "flux": requesting.reconciled(involvedObject={"name": text}),
        "deploy": json.dumps({"service": text}).encode(),
    }
    assert post(gateway, name, MAKE[name](bodies[name])) in {400, 413}
    assert not publisher.topics


@pytest.mark.parametrize("text", HOSTILE)
def test_words_of_others_stay_words_on_one_line_of_bounded_length(
    gateway: FlaskClient, publisher: MemoryPublisher, text: str
) -> None:
    body = requesting.reconciled(message=text)
    assert post(gateway, "flux", requesting.flux(body)) == 200
    (message,) = publisher.topics[topics.CONTROL]
    change = ChangeObserved.model_validate_json(message.event.data)
    assert len(change.summary) <= 500
    assert change.summary.isprintable()


def test_only_the_structured_mode_is_believed_because_headers_are_not_signed(
    gateway: FlaskClient,
) -> None:
    sent = requesting.cloudevents().having(content_type="application/json")
    assert post(gateway, "cloudevents", sent) == 400


def test_a_refusal_can_be_sent_whatever_it_speaks_of(gateway: FlaskClient) -> None:
    body = requesting.cdevent().replace(b'"1.0"', b'"\\ud800"')
    assert post(gateway, "cloudevents", requesting.cloudevents(body)) == 400


def test_a_fact_of_our_own_is_validated_before_it_is_passed_on(
    gateway: FlaskClient, publisher: MemoryPublisher
) -> None:
    event = {"specversion": "1.0", "id": "1", "source": "/ci", "type": CommandGiven.type}
    data = {"incident": INCIDENT, "command": "resolve", "given_by": "ci", "given_at": NOW * 1000}
    good = json.dumps(event | {"data": data}).encode()
    assert post(gateway, "cloudevents", requesting.cloudevents(good)) == 200
    assert facts(publisher) == [(CommandGiven.type, INCIDENT)]
    for wrong in ({"command": "explode"}, {"incident": "x" * 5000}, {"extra": 1}):
        bad = json.dumps(event | {"data": data | wrong}).encode()
        assert post(gateway, "cloudevents", requesting.cloudevents(bad)) == 400


def test_what_could_not_be_passed_on_is_asked_for_again_and_then_passed_on(
    gateway: FlaskClient, publisher: MemoryPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise Unavailable("Kafka: NoBrokersAvailable")

    with monkeypatch.context() as broken:
        broken.setattr(MemoryPublisher, "publish", away)
        answer = gateway.post(
            "/pagerduty", data=requesting.paged(), headers=dict(requesting.pagerduty().headers)
        )
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert post(gateway, "pagerduty", requesting.pagerduty()) == 200
    assert len(facts(publisher)) == 1


def test_a_delivery_another_instance_is_at_is_asked_for_again(
    gateway: FlaskClient, deliveries: MemoryDeliveries
) -> None:
    deliveries.claim("pagerduty", "01DFJ1PU3X", 1)
    assert post(gateway, "pagerduty", requesting.pagerduty()) == 503


def test_a_sender_that_sends_too_much_is_asked_to_wait_and_others_are_not(
    start: Callable[..., FlaskClient],
) -> None:
    gateway = start(", rate: 0.001, burst: 2")
    found = [post(gateway, "alertmanager", requesting.alertmanager()) for _ in range(3)]
    assert found == [200, 200, 503]
    assert post(gateway, "slack", requesting.slack()) == 200


def test_junk_does_not_use_up_what_a_sender_may_send(start: Callable[..., FlaskClient]) -> None:
    gateway = start(", rate: 0.001, burst: 1")
    for _ in range(5):
        assert post(gateway, "slack", requesting.slack(secret=OTHER["slack"])) == 401
    assert post(gateway, "slack", requesting.slack()) == 200


def test_nobody_else_is_listened_to(gateway: FlaskClient) -> None:
    assert gateway.post("/teams", data=b"").status_code == 404
    assert gateway.post("/", data=b"").status_code == 404
    assert gateway.put("/slack", data=b"").status_code == 405
    assert gateway.get("/slack").status_code == 404
    assert gateway.get("/health/readiness").status_code == 200


POOR = [
    *(
        (variable, text)
        for variable in ENVIRONMENT
        for text in ("", "short", ",".join(["x" * 20] * 9))
    ),
    *(
        (f"{name}_WEBHOOK_SECRETS", text)
        for name in ("DEPLOY", "CLOUDEVENTS")
        for text in ("whsec_short-but-long-enough", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    ),
]


@pytest.mark.parametrize(("variable", "written"), POOR)
def test_a_sender_without_a_good_secret_stops_the_start_and_the_secret_is_not_shown(
    start: Callable[..., FlaskClient],
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    written: str,
) -> None:
    monkeypatch.setenv(variable, written)
    with pytest.raises(SystemExit, match=variable) as stopped:
        start()
    assert not written or written not in str(stopped.value)


def test_the_requests_of_these_tests_are_those_of_every_sender() -> None:
    assert set(available("functions.gateway.senders")) == set(MAKE)


def test_one_line_says_what_became_of_a_request_and_nothing_of_what_it_held(
    gateway: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    post(gateway, "slack", requesting.slack())
    out = capsys.readouterr().out
    line = json.loads(out)
    assert (line["function"], line["sender"], line["status"]) == ("gateway", "slack", 200)
    assert line["published"] == 1
    assert INCIDENT not in out
    assert OWN["slack"] not in out
