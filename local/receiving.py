"""What Slack, PagerDuty and webhook receivers accept, as their documents say."""

import base64
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

SLACK_BLOCKS = 50
SLACK_TEXT = 40_000
SLACK_LIMITS = {"header": 150, "section": 3_000, "context": 3_000}
"""Characters of text. Source: https://docs.slack.dev/reference/block-kit/blocks"""

PAGERDUTY_BYTES = 512 * 1024
PAGERDUTY_SUMMARY = 1_024
PAGERDUTY_KEY = 255
PAGERDUTY_ACTIONS = ("trigger", "acknowledge", "resolve")
PAGERDUTY_SEVERITIES = ("critical", "error", "warning", "info")
"""Source: https://developer.pagerduty.com/docs/events-api-v2/trigger-events/"""

WEBHOOK_BYTES = 20_000
WEBHOOK_TOLERANCE_SECONDS = 300
"""How far a signed timestamp may lie from now. Source: the reference libraries."""

JsonObject = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was accepted.

    Attributes:
        key: What the receiver tells repeats by: the step for Slack and webhooks, the dedup key for
            PagerDuty.
        step: Id of the step, empty where the message does not carry it.
        kind: The event action, the type, or for Slack the first words of its title.
        lines: What a person would read.
        possible_repeat: Whether it says of itself that it may have been shown already.
    """

    channel: str
    key: str
    step: str
    kind: str
    lines: tuple[str, ...]
    possible_repeat: bool = False


class Fault(Exception):
    """A message the vendor would refuse, with the answer it would give."""

    def __init__(self, status: int, reply: bytes, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {reply.decode()}")
        self.status = status
        self.reply = reply
        self.headers = dict(headers or {})


def slack(headers: Mapping[str, str], body: bytes) -> Message:
    """Check a message to a Slack incoming webhook.

    Raises:
        Fault: with the error that Slack answers.
    """
    if not headers.get("content-type", "").startswith("application/json"):
        raise Fault(400, b"invalid_payload")
    message = _object(body, b"invalid_payload")
    text, blocks = message.get("text"), message.get("blocks", [])
    if not isinstance(text, str) or not text.strip():
        raise Fault(400, b"no_text")
    if len(text) > SLACK_TEXT:
        raise Fault(400, b"msg_too_long")
    if not isinstance(blocks, list) or len(blocks) > SLACK_BLOCKS:
        raise Fault(400, b"invalid_blocks")
    lines = [line for block in blocks for line in _block(block)]
    identifiers = [block["block_id"] for block in blocks if "block_id" in block]
    if len(set(identifiers)) != len(identifiers) or any(len(i) > 255 for i in identifiers):
        raise Fault(400, b"invalid_blocks")
    step = identifiers[0] if identifiers else ""
    kind = (lines[0] if lines else text).removeprefix("[").split("]")[0]
    repeat = any(line.startswith("Possible repeat") for line in lines)
    return Message("slack", step, step, kind, tuple(lines), repeat)


def _block(block: Any) -> list[str]:
    if not isinstance(block, dict) or block.get("type") not in SLACK_LIMITS:
        raise Fault(400, b"invalid_blocks")
    limit = SLACK_LIMITS[block["type"]]
    if block["type"] == "context":
        elements = block.get("elements")
        if not isinstance(elements, list) or not 1 <= len(elements) <= 10:
            raise Fault(400, b"invalid_blocks")
        texts: Sequence[Any] = elements
    else:
        texts = [block.get("text")]
    allowed = {"plain_text"} if block["type"] == "header" else {"plain_text", "mrkdwn"}
    return [line for text in texts for line in _text(text, limit, allowed)]


def _text(text: Any, limit: int, allowed: set[str]) -> list[str]:
    if not isinstance(text, dict) or text.get("type") not in allowed:
        raise Fault(400, b"invalid_blocks")
    content = text.get("text")
    if not isinstance(content, str) or not 1 <= len(content) <= limit:
        raise Fault(400, b"invalid_blocks")
    shown = as_seen(content) if text["type"] == "mrkdwn" else content
    return shown.splitlines()


def as_seen(mrkdwn: str) -> str:
    """Return what a person sees of a text: markup gone, links as text and address, no escapes."""
    text = re.sub(r"<([^|>]+)\|([^>]+)>", r"\2: \1", mrkdwn)
    text = re.sub(r"[*`]", "", text)
    for escaped, plain in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(escaped, plain)
    return text


def pagerduty(body: bytes, routing_key: str) -> Message:
    """Check an event for PagerDuty.

    Raises:
        Fault: with the error that the Events API answers.
    """
    if len(body) > PAGERDUTY_BYTES:
        raise Fault(413, b"")
    event = _object(body, _invalid("JSON is invalid"))
    action, key = event.get("event_action"), event.get("dedup_key")
    problems = []
    if event.get("routing_key") != routing_key:
        problems.append("'routing_key' is missing or wrong")
    if action not in PAGERDUTY_ACTIONS:
        problems.append("'event_action' is missing or wrong")
    if not isinstance(key, str) or not 1 <= len(key) <= PAGERDUTY_KEY:
        problems.append("'dedup_key' is missing or too long")
    payload = event.get("payload")
    if action == "trigger" or payload is not None:
        problems += _alert_problems(payload) + _link_problems(event.get("links", []))
    if problems:
        raise Fault(400, _invalid(*problems))
    if not isinstance(payload, dict):
        return Message("pagerduty", str(key), "", str(action), ())
    details = payload.get("custom_details", {})
    lines = (str(payload["summary"]), *_flat(details))
    return Message("pagerduty", str(key), str(details.get("step", "")), str(action), lines)


def _alert_problems(payload: Any) -> list[str]:
    if not isinstance(payload, dict):
        return ["'payload' is missing"]
    problems = []
    summary = payload.get("summary")
    if not isinstance(summary, str) or not 1 <= len(summary) <= PAGERDUTY_SUMMARY:
        problems.append("'payload.summary' is missing or too long")
    if not isinstance(payload.get("source"), str) or not payload["source"]:
        problems.append("'payload.source' is missing")
    if payload.get("severity") not in PAGERDUTY_SEVERITIES:
        problems.append("'payload.severity' is missing or wrong")
    if not isinstance(payload.get("custom_details", {}), dict):
        problems.append("'payload.custom_details' is no object")
    texts = ("component", "group", "class", "timestamp")
    wrong = [name for name in texts if not isinstance(payload.get(name, ""), str)]
    return problems + [f"'payload.{name}' is no text" for name in wrong]


def _link_problems(links: Any) -> list[str]:
    if not isinstance(links, list) or any(
        not isinstance(link, dict) or not str(link.get("href", "")).startswith(("https:", "http:"))
        for link in links
    ):
        return ["'links' is wrong"]
    return []


def _flat(details: JsonObject) -> list[str]:
    return [
        f"{name}: {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in details.items()
    ]


def _invalid(*problems: str) -> bytes:
    answer = {
        "status": "invalid event",
        "message": "Event object is invalid",
        "errors": list(problems),
    }
    return json.dumps(answer).encode()


def webhook(headers: Mapping[str, str], body: bytes, key: bytes, now: float) -> Message:
    """Check a signed webhook, at the real unix time `now`.

    Raises:
        Fault: with status 401 where the signature does not match, else 400.
    """
    _verify(headers, body, key, now)
    if len(body) > WEBHOOK_BYTES:
        raise Fault(413, b"more than 20 kB")
    identifier = headers["webhook-id"]
    event = _object(body, b"not a JSON object")
    kind, data = event.get("type"), event.get("data")
    if "ce-id" in headers:
        kind, data = cloudevent(headers), event
    elif not isinstance(kind, str) or not isinstance(event.get("timestamp"), str):
        raise Fault(400, b"type and timestamp are required")
    if not isinstance(data, dict) or not isinstance(data.get("incident"), dict):
        raise Fault(400, b"data.incident is required")
    lines = (str(data["incident"].get("title", "")), str(data.get("reason", "")))
    return Message("webhook", identifier, identifier, str(kind), lines)


def cloudevent(headers: Mapping[str, str]) -> str:
    """Check the headers of a CloudEvent in binary mode and return its type.

    Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md

    Raises:
        Fault: with status 400.
    """
    if headers.get("ce-specversion") != "1.0" or not headers.get("content-type"):
        raise Fault(400, b"specversion and datacontenttype are required")
    if any(not headers.get(f"ce-{name}") for name in ("id", "source", "type")):
        raise Fault(400, b"id, source and type are required")
    stated = [name[3:] for name in headers if name.startswith("ce-")]
    if any(not name.isalnum() or len(name) > 20 for name in stated):
        raise Fault(400, b"a name of an attribute is wrong")
    if any(not re.fullmatch(r"[!#-~]*", headers[f"ce-{name}"]) for name in stated):
        raise Fault(400, b"a value of an attribute is not encoded")
    try:
        datetime.fromisoformat(headers.get("ce-time", ""))
    except ValueError:
        raise Fault(400, b"time is no RFC 3339") from None
    return headers["ce-type"]


def notification(headers: Mapping[str, str], body: bytes) -> Message:
    """Check what Apprise posts to a receiver of JSON.

    Source: https://github.com/caronc/apprise/wiki/Notify_Custom_JSON

    Raises:
        Fault: with status 400.
    """
    if not headers.get("content-type", "").startswith("application/json"):
        raise Fault(400, b"not JSON")
    message = _object(body, b"not a JSON object")
    title, text = message.get("title"), message.get("message")
    if not isinstance(title, str) or not isinstance(text, str) or not text:
        raise Fault(400, b"title and message are required")
    found = re.search(r"^Step (\S+)$", text, re.MULTILINE)
    step = found.group(1) if found else ""
    kind = title.removeprefix("[").split("]")[0]
    repeat = "Possible repeat" in text
    return Message("apprise", step, step, kind, (title, *text.splitlines()), repeat)


def _verify(headers: Mapping[str, str], body: bytes, key: bytes, now: float) -> None:
    """Check a Standard Webhooks signature.

    Source: https://github.com/standard-webhooks/standard-webhooks, verifying signatures
    """
    stamp = headers.get("webhook-timestamp", "")
    identifier = headers.get("webhook-id", "")
    if not identifier or "." in identifier or not stamp.isdigit():
        raise Fault(400, b"missing required headers")
    if abs(int(stamp) - now) > WEBHOOK_TOLERANCE_SECONDS:
        raise Fault(400, b"message timestamp too old or too new")
    signed = f"{identifier}.{stamp}.".encode() + body
    expected = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    given = [part.partition(",") for part in headers.get("webhook-signature", "").split(" ")]
    matches = [
        hmac.compare_digest(signature.encode(), expected.encode())
        for version, _, signature in given
        if version == "v1"
    ]
    if not any(matches):
        raise Fault(401, b"no matching signature found")


def _object(body: bytes, fault: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise Fault(400, fault) from None
    if not isinstance(value, dict):
        raise Fault(400, fault)
    return value
