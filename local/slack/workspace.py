"""A workspace of Slack with one channel: what a bot may do there, and what is there then.

It answers as the methods' references say: 200 with `ok`, 429 with `Retry-After` where messages come
too fast. Source: https://docs.slack.dev/reference/methods
"""

import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.receiving import Fault, Message
from local.slack import blocks
from local.slack.files import Files
from local.slack.form import arguments, error
from local.slack.post import Post, Refused, shown

ROOT = "/slack/"
API, UPLOADS = f"{ROOT}api/", f"{ROOT}upload/"
MAX_TEXT = 40_000
MAX_PAGE = 999

_Method = Callable[[Mapping[str, Any]], tuple[dict[str, Any], Message | None]]


@dataclass(slots=True)
class Workspace:
    """One workspace.

    Attributes:
        url: Root of the addresses it gives out.
        burst: How many messages may come at once before it is one a second; None for as many as
            anybody likes. What Slack bears is not documented.
        clock: The time that messages are named after, unix seconds.
    """

    url: str
    burst: int | None = None
    channel: str = field(default_factory=lambda: f"C{secrets.token_hex(5).upper()}")
    token: str = field(default_factory=lambda: f"xoxb-{secrets.token_hex(12)}")
    clock: Callable[[], float] = time.time
    files: Files = field(default_factory=Files)
    posts: list[Post] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _taken: float = 0.0
    _refilled: float = field(default_factory=time.monotonic)
    _last: tuple[int, int] = (0, 0)

    @property
    def environment(self) -> Mapping[str, str]:
        """The settings that make `act` write here."""
        return {
            "SLACK_API_URL": f"{self.url}{API.rstrip('/')}",
            "SLACK_BOT_TOKEN": self.token,
            "SLACK_CHANNEL": self.channel,
        }

    @property
    def roots(self) -> tuple[Post, ...]:
        """The messages in the channel, without what stands in threads."""
        with self._lock:
            return tuple(post for post in self.posts if not post.thread_ts)

    def thread(self, ts: str) -> tuple[Post, ...]:
        """Return the replies to a message, in order."""
        with self._lock:
            return tuple(post for post in self.posts if post.thread_ts == ts)

    def delete(self, ts: str) -> None:
        """Take a message away, as a person may."""
        with self._lock:
            self.posts = [post for post in self.posts if post.ts != ts]

    def receive(
        self, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[Message | None, bytes]:
        """Return the answer to a request, with the message that was shown or changed.

        Raises:
            Fault: it is refused.
        """
        with self._lock:
            if path.startswith(UPLOADS):
                if not self.files.take(path.removeprefix(UPLOADS), body):
                    raise Fault(400, b"upload failed")
                return None, b"OK"
            method = self._methods.get(path.removeprefix(API))
            if method is None:
                raise Fault(200, error("unknown_method"))
            try:
                self._authorised(headers)
                reply, message = method(arguments(headers, body))
            except Refused as no:
                raise Fault(no.status, error(no.error, no.detail), no.headers) from None
            return message, json.dumps({"ok": True, **reply}).encode()

    @property
    def _methods(self) -> dict[str, _Method]:
        return {
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "files.getUploadURLExternal": self._place,
            "files.completeUploadExternal": self._complete,
        }

    def _authorised(self, headers: Mapping[str, str]) -> None:
        given = headers.get("authorization", "")
        if not given:
            raise Refused("not_authed")
        if not hmac.compare_digest(given, f"Bearer {self.token}"):
            raise Refused("invalid_auth")

    def _post(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], Message | None]:
        self._known(given)
        thread = given.get("thread_ts", "")
        if thread and not any(post.ts == thread for post in self.roots):
            raise Refused("thread_not_found")
        content = self._content(given)
        self._paced()
        post = Post(self._now(), thread, bool(given.get("reply_broadcast")), *content)
        self.posts.append(post)
        kind = "reply" if thread else "message"
        return {"channel": self.channel, "ts": post.ts}, post.as_message(kind)

    def _update(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], Message | None]:
        self._known(given)
        post = next((one for one in self.posts if one.ts == given.get("ts")), None)
        if post is None:
            raise Refused("message_not_found")
        post.text, post.blocks, metadata = self._content(given)
        post.metadata = metadata or post.metadata
        post.edits += 1
        return {"channel": self.channel, "ts": post.ts}, post.as_message("change")

    def _history(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], None]:
        self._known(given)
        oldest = float(given.get("oldest") or 0)
        found = [post for post in self.posts if not post.thread_ts or post.broadcast]
        return self._page([one for one in reversed(found) if float(one.ts) > oldest], given), None

    def _replies(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], None]:
        self._known(given)
        ts = given.get("ts", "")
        root = [post for post in self.roots if post.ts == ts]
        if not root:
            raise Refused("thread_not_found")
        return self._page([*root, *self.thread(ts)], given), None

    def _page(self, found: list[Post], given: Mapping[str, Any]) -> dict[str, Any]:
        limit = int(given.get("limit") or 100)
        start = int(given.get("cursor") or 0)
        if not 1 <= limit <= MAX_PAGE:
            raise Refused("invalid_limit")
        metadata = str(given.get("include_all_metadata", "")).lower() in {"true", "1"}
        stop = start + limit
        more = {"next_cursor": str(stop)} if stop < len(found) else {"next_cursor": ""}
        messages = [shown(post, metadata=metadata) for post in found[start:stop]]
        return {"messages": messages, "has_more": stop < len(found), "response_metadata": more}

    def _place(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], None]:
        name, length = given.get("filename"), int(given.get("length") or 0)
        if not name or length < 1:
            raise Refused("invalid_arguments")
        file = self.files.expect(length)
        return {"file_id": file.id, "upload_url": f"{self.url}{UPLOADS}{file.key}"}, None

    def _complete(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], None]:
        names = [one.get("id", "") for one in given.get("files", ())]
        if not names or not all(self.files.complete(name) for name in names):
            raise Refused("file_not_found")
        return {"files": [{"id": name} for name in names]}, None

    def _known(self, given: Mapping[str, Any]) -> None:
        if given.get("channel") != self.channel:
            raise Refused("channel_not_found")

    def _content(self, given: Mapping[str, Any]) -> tuple[str, list[Any], dict[str, Any]]:
        text, laid, metadata = given.get("text", ""), given.get("blocks", []), given.get("metadata")
        if not isinstance(text, str) or not (text or laid):
            raise Refused("no_text")
        if len(text) > MAX_TEXT:
            raise Refused("msg_too_long")
        try:
            blocks.check(laid, self.files.ready)
        except blocks.InvalidBlocks as wrong:
            raise Refused("invalid_blocks", str(wrong)) from None
        if metadata is not None and not (
            isinstance(metadata, dict)
            and isinstance(metadata.get("event_type"), str)
            and isinstance(metadata.get("event_payload"), dict)
        ):
            raise Refused("invalid_metadata_format")
        return text, laid, metadata or {}

    def _paced(self) -> None:
        """Take one of the messages that may come now: one a second, some at once."""
        if self.burst is None:
            return
        now = time.monotonic()
        self._taken = max(0.0, self._taken - (now - self._refilled))
        self._refilled = now
        if self._taken + 1 > self.burst:
            raise Refused("ratelimited", status=429, headers={"Retry-After": "1"})
        self._taken += 1

    def _now(self) -> str:
        """Return a name for a message that no other has, rising."""
        second = max(int(self.clock()), self._last[0])
        number = self._last[1] + 100 if second == self._last[0] else 100
        self._last = (second, number)
        return f"{second}.{number:06d}"
