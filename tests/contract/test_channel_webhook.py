"""What the channel to signed webhooks promises besides what every channel does."""

import base64

import orjson
import pytest

from aiops.clock import SystemClock
from aiops.errors import Misconfigured
from aiops.events import Incident
from functions.act.channels.webhook import MAX_BYTES, sign
from functions.act.config import ALL_KINDS
from local.receiver import Receiver
from tests.incidents import ID, evidence, incident, suspect
from tests.telling import hostile, opened, step, tell


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


def test_a_signature_is_the_one_the_reference_library_makes():
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    signature = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("form", ["standard", "cloudevents"])
def test_a_webhook_signed_with_another_secret_or_long_ago_is_refused(receiver, form):
    environment = {**receiver.environment, "WEBHOOK_FORMAT": form}
    other = {**environment, "WEBHOOK_SECRET": "whsec_" + "A" * 32}
    now = SystemClock().now() // 1000
    assert tell(opened("webhook", other), step("webhook")).reason.startswith("401")
    old = tell(opened("webhook", environment), step("webhook"), sent_at=now - 310)
    assert old.reason.startswith("400: message timestamp")
    assert receiver.messages == ()


def test_a_webhook_says_what_it_left_out(receiver):
    channel = opened("webhook", receiver.environment)
    many = tuple(evidence(f"service-{n}", "cpu") for n in range(50))
    data = channel.render(step("webhook"), incident(evidence=many))["data"]
    assert data["evidence_left_out"] + len(data["incident"]["evidence"]) == 50
    assert data["evidence_left_out"] > 0
    small = channel.render(step("webhook"), incident())["data"]
    assert small["incident"] == orjson.loads(incident().model_dump_json())


def test_a_webhook_is_never_longer_than_is_advised(receiver):
    every = tuple(f"{n}\x00" * 500 for n in range(500))
    about = incident(
        services=every,
        blast_radius=every,
        severity_reasons=every,
        evidence=tuple(evidence(one, one, reason=one, labels={one: one}) for one in every[:50]),
        root_cause=tuple(suspect(one, one, *every) for one in every),
        root_cause_at_notification=tuple(suspect(one, one, *every) for one in every),
    )
    channel = opened("webhook", receiver.environment)
    payload = channel.render(step("webhook", reason=every[0] * 100), about)
    assert len(orjson.dumps(payload)) <= MAX_BYTES
    Incident.model_validate_json(orjson.dumps(payload["data"]["incident"]))


@pytest.mark.parametrize("kind", ALL_KINDS)
@pytest.mark.parametrize("about", [incident(), hostile()], ids=["plain", "hostile"])
def test_as_a_cloudevent_it_is_in_binary_mode_and_signed_all_the_same(receiver, kind, about):
    channel = opened("webhook", {**receiver.environment, "WEBHOOK_FORMAT": "cloudevents"})
    one = step("webhook", kind)
    assert tell(channel, one, about).verdict == "done"
    assert receiver.refusals == ()
    message = receiver.messages[0]
    assert (message.key, message.kind) == (one.id, f"dev.aiops.notification.{kind}.v1")
    data = orjson.loads(receiver.bodies[0][1])
    assert set(data) == {"step", "reason", "evidence_left_out", "incident"}


def test_the_attributes_of_a_cloudevent_are_escaped(receiver):
    channel = opened("webhook", {**receiver.environment, "WEBHOOK_FORMAT": "cloudevents"})
    one = step("webhook", incident='a b"%\r\nx: y\u20ac')
    request = channel.request(channel.render(one, incident()), one, 1)
    assert request.headers["ce-subject"] == "a%20b%22%25%0D%0Ax:%20y%E2%82%AC"
    assert request.headers["ce-id"] == request.headers["webhook-id"] == one.id
    plain = channel.request(channel.render(step("webhook"), incident()), step("webhook"), 1)
    assert plain.headers["ce-subject"] == plain.headers["ce-correlationid"] == ID


def test_a_form_nobody_knows_stops_the_start(receiver):
    with pytest.raises(Misconfigured, match="WEBHOOK_FORMAT: expected standard or cloudevents"):
        opened("webhook", {**receiver.environment, "WEBHOOK_FORMAT": "xml"})
