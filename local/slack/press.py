"""A button pressed by a person: the request Slack would send to the app, signed.

Source: https://docs.slack.dev/interactivity/handling-user-interaction and
https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from local.slack.post import Post


@dataclass(frozen=True, slots=True)
class Press:
    """A request to the app's interactivity address."""

    body: bytes
    headers: Mapping[str, str]


def press(post: Post, name: str, secret: str, *, user: str = "U0123456789", at: int = 0) -> Press:
    """Return the request for a button pressed under a message.

    Args:
        post: The message.
        name: Action id of the button.
        secret: The app's signing secret.
        user: Who presses it.
        at: When, unix seconds; now where 0.

    Raises:
        LookupError: there is no such button under it.
    """
    button = post.buttons.get(name)
    if button is None:
        raise LookupError(f"no button {name} under the message")
    stamp = str(at or int(time.time()))
    action = {
        "type": "button",
        "action_id": name,
        "value": button.get("value", ""),
        "action_ts": f"{stamp}.000100",
    }
    payload = {
        "type": "block_actions",
        "user": {"id": user, "username": "ann"},
        "container": {"type": "message", "message_ts": post.ts},
        "message": {"ts": post.ts, "text": post.text},
        "actions": [action],
    }
    body = urlencode({"payload": json.dumps(payload)}).encode()
    digest = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, "sha256").hexdigest()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={digest}",
    }
    return Press(body, headers)
