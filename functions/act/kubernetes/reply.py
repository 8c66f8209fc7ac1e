"""What an answer of the API server means.

Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from functions.act.answer import Answer, excerpt
from functions.act.operation import Outcome

UNAVAILABLE = 503
"""Says that nothing was begun."""

MAX_OBJECT_BYTES = 1_572_864
"""No object is longer. Source: https://etcd.io/docs/v3.5/dev-guide/limit/"""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the API server answered.

    Attributes:
        verdict: `done`; `refused`, the same call will always be; `retry`, later it may do.
        reason: In words, without any secret.
        status: Of HTTP, 0 where there was no answer.
        cause: The machine's word for an error, such as `AlreadyExists`.
        content: The object where it is done.
        may_have_happened: Whether what was asked may have been done although it is not `done`.
    """

    verdict: Literal["done", "refused", "retry"]
    reason: str
    status: int = 0
    cause: str = ""
    content: Mapping[str, Any] = field(default_factory=dict)
    retry_after_ms: int = 0
    may_have_happened: bool = False

    @property
    def labels(self) -> Mapping[str, str]:
        """The object's labels."""
        return dict(self.content.get("metadata", {}).get("labels") or {})

    def outcome(self, reason: str = "") -> Outcome:
        """Return it as an operation's; all that is done here may be done again."""
        done = self.verdict == "done"
        words = reason if done and reason else self.reason
        doubt = self.may_have_happened
        return Outcome(self.verdict, words, self.labels, self.retry_after_ms, doubt)


def reply_of(answer: Answer, token: str, *, writes: bool) -> Reply:
    """Return what was answered; the token that was shown is not quoted.

    What `writes` and gets no answer, or one that says nothing of what became of it, such as a 504,
    may have been done.
    """
    done = answer.verdict == "done"
    unclear = done or (answer.status >= 500 and answer.status != UNAVAILABLE)
    doubt = writes and (answer.may_have_arrived or unclear)
    content = _object(answer.body)
    if answer.verdict == "done" and content is None:
        words = f"{answer.status}: the answer is no object, or too long"
        return Reply("retry", words, answer.status, may_have_happened=doubt)
    found = content or {}
    cause = str(found.get("reason", ""))[:64] if answer.status >= 400 else ""
    said = excerpt(str(found.get("message", "")).encode(), (token,)) if cause else ""
    reason = f"{answer.status} {cause}: {said}" if cause else answer.reason
    doubt = doubt and not done
    wait = answer.retry_after_ms
    return Reply(answer.verdict, reason, answer.status, cause, found, wait, doubt)


def _object(body: bytes) -> dict[str, Any] | None:
    if len(body) > MAX_OBJECT_BYTES:
        return None
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None
