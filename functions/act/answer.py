"""The one place that decides what the answer of a receiver means."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

RETRY = frozenset((408, 429))
"""Besides 5xx: come again later. Source: https://www.rfc-editor.org/rfc/rfc9110#section-15.5.9
and https://www.rfc-editor.org/rfc/rfc6585#section-4"""

MAX_RETRY_AFTER_MS = 3_600_000
_EXCERPT = 160
_TRIVIAL = 4


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one call, or of a whole delivery.

    Attributes:
        verdict: `done`, `retry` later, or `refused` for good.
        reason: In words, without any secret.
        retry_after_ms: How long the receiver asks to be left alone, real milliseconds.
        may_have_arrived: Whether the message may have been taken although nobody knows it was.
        receipt: What the channel has to know of this delivery at the next one about the incident,
            such as the name the receiver gave the message; never a secret. It is kept whatever the
            verdict.
        others_may_go: Whether only this message has to wait, and others may be told meanwhile.
        status: Of HTTP, 0 where there was no answer.
        body: The beginning of what the receiver said, as much as the request `reads`; it may echo
            secrets, so it is not for reasons.
    """

    verdict: Literal["done", "retry", "refused"]
    reason: str
    retry_after_ms: int = 0
    may_have_arrived: bool = False
    receipt: Mapping[str, str] = field(default_factory=dict)
    others_may_go: bool = False
    status: int = 0
    body: bytes = field(default=b"", repr=False)


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
        return Answer("done", f"{status}", status=status, body=body)
    if status >= 500 or status in RETRY or status in retry:
        wait = retry_after_ms(retry_after)
        return Answer("retry", f"{status}", wait, status=status, body=body)
    words = "the address has moved, and redirects are not followed"
    quoted = words if status < 400 else excerpt(body, secrets)
    reason = f"{status}: {quoted}" if quoted else f"{status}"
    return Answer("refused", reason, status=status, body=body)


def no_answer(what: str, *, may_have_arrived: bool) -> Answer:
    """Return what it means that there was no answer."""
    return Answer("retry", what, may_have_arrived=may_have_arrived)


def retry_after_ms(header: str) -> int:
    """Return how long `Retry-After` asks to wait, 0 where it does not say so in seconds."""
    seconds = int(header[:10]) if header.isascii() and header.isdigit() else 0
    return min(seconds * 1000, MAX_RETRY_AFTER_MS)


def excerpt(body: bytes, secrets: tuple[str, ...]) -> str:
    """Return the beginning of a body on one line, with what is secret blotted out."""
    text = body.decode("utf-8", "replace")
    for secret in sorted(filter(_telling, secrets), key=len, reverse=True):
        text = text.replace(secret, "[secret]")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_EXCERPT]


def _telling(secret: str) -> bool:
    """Return whether a text is long enough to be a secret rather than a slash."""
    return len(secret) > _TRIVIAL
