"""A message in a workspace."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.receiving import Message, as_seen
from local.slack import blocks

METADATA = "aiops_incident"


class Refused(Exception):
    """What a method does not do, with Slack's word for why."""

    def __init__(
        self,
        error: str,
        detail: str = "",
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(error)
        self.error, self.detail, self.status = error, detail, status
        self.headers = dict(headers or {})


@dataclass(slots=True)
class Post:
    """A message, or a reply to one.

    Attributes:
        ts: Its name.
        thread_ts: That of the message it replies to, empty for none.
        broadcast: Whether a reply is shown in the channel besides.
        edits: How often it was changed.
    """

    ts: str
    thread_ts: str
    broadcast: bool
    text: str
    blocks: list[dict[str, Any]]
    metadata: dict[str, Any]
    edits: int = field(default=0)

    @property
    def buttons(self) -> dict[str, dict[str, Any]]:
        """The buttons under it, by their action ids."""
        rows = (one for one in self.blocks if one["type"] == "actions")
        return {button["action_id"]: button for row in rows for button in row["elements"]}

    def as_message(self, kind: str) -> Message:
        """Return what a person would read of it."""
        step = str(self.metadata.get("event_payload", {}).get("step", ""))
        read = (as_seen(text) if marked else text for text, marked in blocks.texts(self.blocks))
        lines = tuple(line for text in read for line in text.splitlines())
        repeat = any(line.startswith("Possible repeat") for line in lines)
        return Message("slack_bot", step, step, kind, lines, repeat)


def shown(post: Post, *, metadata: bool) -> dict[str, Any]:
    """Return a message as the methods that read give it."""
    found: dict[str, Any] = {"type": "message", "ts": post.ts, "text": post.text}
    found["blocks"] = post.blocks
    if post.thread_ts:
        found["thread_ts"] = post.thread_ts
    if metadata and post.metadata:
        found["metadata"] = post.metadata
    return found
