"""Requests as senders make them: signed like their documentation says, by code of its own."""

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
STANDARD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
INCIDENT = "2a4ee3a8-5a4c-5c0e-8b52-6a3e0a3c8f11"
NOW = 1_767_268_800
"""2026-01-01T12:00:00Z."""


@dataclass(frozen=True)
class Sent:
    headers: Mapping[str, str]
    body: bytes

    def having(self, **headers: str) -> "Sent":
        return Sent(
            {**self.headers, **{k.replace("_", "-"): v for k, v in headers.items()}}, self.body
        )


def hexed(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, sha256).hexdigest()


def slack(body: bytes | None = None, secret: str = SECRET, at: int = NOW) -> Sent:
    if body is None:
        value = json.dumps({"incident": INCIDENT, "command": "acknowledge"})
        body = pressed({"action_id": "aiops.acknowledge", "value": value})
    signature = "v0=" + hexed(secret, f"v0:{at}:".encode() + body)
    return Sent(
        {
            "content-type": "application/x-www-form-urlencoded",
            "x-slack-request-timestamp": str(at),
            "x-slack-signature": signature,
        },
        body,
    )


def pressed(*actions: Any, user: str = "U123", kind: str = "block_actions") -> bytes:
    payload = {"type": kind, "user": {"id": user}, "actions": actions, "response_url": "http://x"}
    return urlencode({"payload": json.dumps(payload)}).encode()


def paged(**event: Any) -> bytes:
    whole = {
        "id": "01DFJ1PU3X",
        "event_type": "incident.acknowledged",
        "resource_type": "incident",
        "occurred_at": "2026-01-01T11:59:00Z",
        "agent": {"id": "PXPGF42", "type": "user_reference"},
        "client": None,
        "data": {"id": "PT4KHLK", "incident_key": INCIDENT, "status": "acknowledged"},
    }
    return json.dumps({"event": whole | event}).encode()


def pagerduty(body: bytes | None = None, secret: str = SECRET, at: int = NOW) -> Sent:
    body = paged() if body is None else body
    return Sent({"x-pagerduty-signature": "v1=00,v1=" + hexed(secret, body)}, body)


ALERT = {
    "status": "firing",
    "labels": {"alertname": "CheckoutDown", "service": "checkout", "severity": "critical"},
    "annotations": {"summary": "no checkout answers <!channel> $(reboot) {{ .Secret }}"},
    "startsAt": "2026-01-01T11:58:00Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "fingerprint": "9d0c1b1a2f3e4d5c",
}


def alerts(**first: Any) -> bytes:
    return json.dumps({"version": "4", "status": "firing", "alerts": [{**ALERT, **first}]}).encode()


def alertmanager(body: bytes | None = None, secret: str = SECRET, at: int = NOW) -> Sent:
    return Sent({"authorization": f"Bearer {secret}"}, alerts() if body is None else body)


def grafana(body: bytes | None = None, secret: str = SECRET, at: int = NOW) -> Sent:
    body = alerts() if body is None else body
    signature = hexed(secret, f"{at}:".encode() + body)
    stamp = {"x-grafana-alerting-timestamp": str(at)}
    return Sent({"x-grafana-alerting-signature": signature, **stamp}, body)


def reconciled(**event: Any) -> bytes:
    whole = {
        "involvedObject": {"kind": "HelmRelease", "namespace": "shop", "name": "checkout"},
        "severity": "info",
        "reason": "UpgradeSucceeded",
        "message": "Helm upgrade succeeded",
        "timestamp": "2026-01-01T11:59:00Z",
    }
    return json.dumps(whole | event).encode()


def flux(body: bytes | None = None, secret: str = SECRET, at: int = NOW) -> Sent:
    body = reconciled() if body is None else body
    return Sent({"x-signature": "sha256=" + hexed(secret, body)}, body)


def cdevent(kind: str = "dev.cdevents.service.deployed.0.3.0", service: str = "checkout") -> bytes:
    event = {
        "specversion": "1.0",
        "id": "271069a8-fc18-44f1-b38f-9d70a1695819",
        "source": "/argocd",
        "type": kind,
        "time": "2026-01-01T11:59:00Z",
        "subject": service,
        "datacontenttype": "application/json",
        "data": {
            "context": {"version": "0.5.1", "type": kind},
            "subject": {
                "id": f"shop/{service}",
                "content": {"environment": {"id": "prod"}, "artifactId": "pkg:oci/checkout@sha256"},
            },
        },
    }
    return json.dumps(event).encode()


_STRUCTURED = {"content-type": "application/cloudevents+json"}


def argocd(body: bytes | None = None, secret: str = SECRET, at: int = NOW) -> Sent:
    headers = {"authorization": f"Bearer {secret}", **_STRUCTURED}
    return Sent(headers, cdevent() if body is None else body)


def standard(body: bytes, secret: str, at: int, name: str = "msg_2Kwz") -> dict[str, str]:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{name}.{at}.".encode() + body, sha256).digest()
    signature = "v1,AAAA v1," + base64.b64encode(digest).decode()
    return {"webhook-id": name, "webhook-timestamp": str(at), "webhook-signature": signature}


def deploy(body: bytes | None = None, secret: str = STANDARD, at: int = NOW) -> Sent:
    if body is None:
        body = json.dumps({"service": "checkout", "summary": "checkout 1.42"}).encode()
    return Sent(standard(body, secret, at), body)


def cloudevents(body: bytes | None = None, secret: str = STANDARD, at: int = NOW) -> Sent:
    body = cdevent() if body is None else body
    return Sent({**standard(body, secret, at), **_STRUCTURED}, body)


MAKE: dict[str, Callable[..., Sent]] = {
    "slack": slack,
    "pagerduty": pagerduty,
    "alertmanager": alertmanager,
    "grafana": grafana,
    "flux": flux,
    "argocd": argocd,
    "deploy": deploy,
    "cloudevents": cloudevents,
}
SIGNED_TIME = ("slack", "grafana", "deploy", "cloudevents")
OTHER = {
    name: "whsec_" + base64.b64encode(b"another secret of theirs").decode()
    if name in {"deploy", "cloudevents"}
    else "another-secret-of-theirs"
    for name in MAKE
}
OWN = {name: STANDARD if name in {"deploy", "cloudevents"} else SECRET for name in MAKE}
ENVIRONMENT = {
    "SLACK_SIGNING_SECRETS": SECRET,
    "PAGERDUTY_WEBHOOK_SECRETS": SECRET,
    "ALERTMANAGER_TOKENS": SECRET,
    "GRAFANA_WEBHOOK_SECRETS": SECRET,
    "FLUX_WEBHOOK_SECRETS": SECRET,
    "ARGOCD_TOKENS": SECRET,
    "DEPLOY_WEBHOOK_SECRETS": STANDARD,
    "CLOUDEVENTS_WEBHOOK_SECRETS": STANDARD,
}
