"""How the Web API is spoken to, and how it says no.

Source: https://docs.slack.dev/apis/web-api/#basics
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from local.slack.post import Refused


def arguments(headers: Mapping[str, str], body: bytes) -> Mapping[str, Any]:
    """Return the arguments of a call, which come as JSON or as a form.

    Raises:
        Refused: they come as neither.
    """
    kind = headers.get("content-type", "")
    try:
        if kind.startswith("application/json"):
            given = json.loads(body)
        elif kind.startswith("application/x-www-form-urlencoded"):
            given = dict(parse_qsl(body.decode(), strict_parsing=True))
        else:
            raise Refused("invalid_post_type")
    except (ValueError, RecursionError):
        raise Refused("invalid_json") from None
    if not isinstance(given, dict):
        raise Refused("json_not_object")
    return given


def error(word: str, detail: str = "") -> bytes:
    """Return the body that says what is wrong."""
    said = {"errors": [detail], "response_metadata": {"messages": [f"[ERROR] {detail}"]}}
    return json.dumps({"ok": False, "error": word, **(said if detail else {})}).encode()
