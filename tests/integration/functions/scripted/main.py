"""A function that answers what the event asks for, and keeps a list of what it was asked.

The extension `script` holds statuses separated by `.`; attempt n gets the n-th, the last for ever.
`pause` is how many milliseconds an attempt takes; `reply` asks for a body: `text` or `event`.
"""

import json
import threading
import time
from collections import Counter

import flask
import functions_framework

_LOCK = threading.Lock()
_ATTEMPTS: Counter[str] = Counter()
_SEEN: list[dict[str, object]] = []


@functions_framework.http
def scripted(request: flask.Request) -> flask.typing.ResponseReturnValue:
    if request.method == "GET":
        if request.path == "/seen":
            with _LOCK:
                return flask.jsonify(_SEEN)
        return "ok", 200
    return _attempt(request)


def _attempt(request: flask.Request) -> flask.typing.ResponseReturnValue:
    headers = {name.lower(): value for name, value in request.headers.items()}
    key = f"{headers['ce-source']} {headers['ce-id']}"
    began = time.monotonic()
    time.sleep(int(headers.get("ce-pause", "0")) / 1000)
    with _LOCK:
        statuses = headers.get("ce-script", "204").split(".")
        status = int(statuses[min(_ATTEMPTS[key], len(statuses) - 1)])
        _ATTEMPTS[key] += 1
        body = request.get_data().decode("latin-1")
        _SEEN.append(
            {
                "headers": headers,
                "body": body,
                "status": status,
                "began": began,
                "ended": time.monotonic(),
            }
        )
    if status == 204:
        return _reply(headers)
    return flask.Response("x" * 2000, status, {"Kne-Reason": "scripted"})


def _reply(headers: dict[str, str]) -> flask.typing.ResponseReturnValue:
    wanted = headers.get("ce-reply")
    if wanted == "text":
        return "OK", 200
    if wanted == "event":
        event = {
            "ce-specversion": "1.0",
            "ce-id": f"reply-to-{headers['ce-id']}",
            "ce-source": "/scripted",
            "ce-type": "test.replied",
            "ce-partitionkey": "k",
            "content-type": "application/json",
        }
        return json.dumps({"answer": 42}), 200, event
    return "", 204
