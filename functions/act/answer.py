"""The one place that decides what the answer of a receiver means."""

from dataclasses import dataclass
from typing import Literal

RETRY = frozenset((408, 429))
"""Besides 5xx: come again later. Source: https://www.rfc-editor.org/rfc/rfc9110#section-15.5.9
and https://www.rfc-editor.org/rfc/rfc6585#section-4"""

MAX_RETRY_AFTER_MS = 3_600_000
_EXCERPT = 160
_TRIVIAL = 4


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one attempt.

    Attributes:
        verdict: `done`, `retry` later, or `refused` for good.
        reason: In words, without any secret.
        retry_after_ms: How long the receiver asks to be left alone, real milliseconds.
        may_have_arrived: Whether the message may have been taken although there was no answer.
    """

    verdict: Literal["done", "retry", "refused"]
    reason: str
    retry_after_ms: int = 0
    may_have_arrived: bool = False


def answer_of(
    status: int,
    body: bytes = b"",
    retry_after: str = "",
    retry: frozenset[int] = frozenset(),
    secrets: tuple[str, ...] = (),
) -> Answer:
    """Return what an HTTP status means.

    Args:
        status: 200 to 599.
        body: The beginning of the answer; quoted where the message is refused.
        retry_after: The header of that name, in seconds.
        retry: Further codes that mean "again later" to this receiver.
        secrets: What must not be quoted.
    """
    if 200 <= status < 300:
        return Answer("done", f"{status}")
    if status >= 500 or status in RETRY or status in retry:
        seconds = int(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0
        return Answer("retry", f"{status}", min(seconds * 1000, MAX_RETRY_AFTER_MS))
    if status < 400:
        return Answer("refused", f"{status}: the address has moved, and redirects are not followed")
    quoted = _excerpt(body, secrets)
    return Answer("refused", f"{status}: {quoted}" if quoted else f"{status}")


def no_answer(what: str, *, may_have_arrived: bool) -> Answer:
    """Return what it means that there was no answer."""
    return Answer("retry", what, may_have_arrived=may_have_arrived)


def _excerpt(body: bytes, secrets: tuple[str, ...]) -> str:
    """Return the beginning of a body on one line, with what is secret blotted out."""
    text = body.decode("utf-8", "replace")
    for secret in sorted(filter(_telling, secrets), key=len, reverse=True):
        text = text.replace(secret, "[secret]")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_EXCERPT]


def _telling(secret: str) -> bool:
    """Return whether a text is long enough to be a secret rather than a slash."""
    return len(secret) > _TRIVIAL
