"""Calls of Slack's Web API, and what its answers mean.

Slack answers 200 to nearly everything and says in the body whether it is well.
Source: https://docs.slack.dev/apis/web-api/#responses
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

import orjson

from functions.act.answer import Answer
from functions.act.channel import Http, Request

LATER = frozenset(
    (
        "ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable",
        "request_timeout", "team_added_to_org", "accesslimited",
    )
)  # fmt: skip
"""Errors that pass by themselves; any other is refused for good.

Source: https://docs.slack.dev/reference/methods/chat.postMessage#errors
"""

UNSURE = frozenset(("internal_error", "fatal_error", "request_timeout"))
"""Errors after which some of what was asked for may have been done. Source: as above."""

GONE = frozenset(
    ("message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found")
)
"""A message that cannot be changed any more, or was taken away.

Source: https://docs.slack.dev/reference/methods/chat.update#errors
"""

MAX_ANSWER = 4 << 20
"""Bytes of an answer that are read; a hundred messages with all their blocks fit in."""

_JSON = "application/json; charset=utf-8"
_FORM = "application/x-www-form-urlencoded"
_CODE = re.compile(r"[a-z0-9_]{1,80}")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a method answered.

    Attributes:
        answer: What it means for the delivery.
        error: Slack's own word for what is wrong; empty where nothing is, or nothing was said.
        data: The answer's fields where it is well.
    """

    answer: Answer
    error: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def well(self) -> bool:
        """Whether it was done."""
        return self.answer.verdict == "done"

    def text(self, name: str) -> str:
        """Return a field that is text, empty where it is not."""
        found = self.data.get(name)
        return found if isinstance(found, str) else ""


@dataclass(frozen=True, slots=True)
class WebApi:
    """The methods of one workspace.

    Attributes:
        channel: Whose requests they are.
        url: The address methods stand under.
        token: The bot's.
    """

    channel: str
    url: str
    token: str = field(repr=False)

    def tell(self, http: Http, method: str, arguments: Mapping[str, Any]) -> Reply:
        """Call a method that changes something, arguments as JSON."""
        found = self._call(http, method, orjson.dumps(arguments), _JSON)
        if found.answer.status < 500 or found.answer.may_have_arrived:
            return found
        return replace(found, answer=replace(found.answer, may_have_arrived=True))

    def ask(self, http: Http, method: str, arguments: Mapping[str, str | int]) -> Reply:
        """Call a method as a form, which those that only read want."""
        return self._call(http, method, urlencode(arguments).encode(), _FORM)

    def put(self, http: Http, url: str, content: bytes) -> Answer:
        """Send the bytes of a file to the address Slack gave for it."""
        return http.call(
            Request(
                self.channel, url, content, secrets=(url, self.token),
                content_type="application/octet-stream",
            )
        )  # fmt: skip

    def _call(self, http: Http, method: str, body: bytes, content_type: str) -> Reply:
        answer = http.call(
            Request(
                self.channel,
                f"{self.url}/{method}",
                body,
                {"Authorization": f"Bearer {self.token}"},
                secrets=(self.token,),
                content_type=content_type,
                reads=MAX_ANSWER,
            )
        )
        if answer.verdict != "done":
            return Reply(replace(answer, reason=f"{method}: {answer.reason}"))
        return _read(method, answer)


def _read(method: str, answer: Answer) -> Reply:
    """Return what the body of a 200 says."""
    try:
        data = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        data = None
    if not isinstance(data, dict) or not isinstance(data.get("ok"), bool):
        reason = f"{method}: {answer.status}, but not in Slack's words"
        return Reply(Answer("retry", reason, may_have_arrived=True, status=answer.status))
    if data["ok"]:
        return Reply(Answer("done", f"{answer.status}", status=answer.status), data=data)
    error = data.get("error")
    if not isinstance(error, str) or not _CODE.fullmatch(error):
        error = "an error without a name"
    verdict = Answer(
        "retry" if error in LATER else "refused",
        f"{method}: {error}",
        may_have_arrived=error in UNSURE,
        status=answer.status,
    )
    return Reply(verdict, error)
