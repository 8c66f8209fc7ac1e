"""Messages of ours found again by their metadata, where nobody noted what became of them.

Source: https://docs.slack.dev/messaging/message-metadata and
https://docs.slack.dev/reference/methods/conversations.history
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aiops.action_log import Step
from functions.act.answer import Answer
from functions.act.channel import Http
from functions.act.slack.web_api import Reply, WebApi

EVENT_TYPE = "aiops_incident"
WINDOW_SECONDS = 90_000
"""How far back is looked: longer than a step is tried."""

PAGE = 100
MOST_PAGES = 4
LEAST_SECONDS = 3.0
"""Left of a delivery when another page is asked for."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to.

    Attributes:
        ts: Slack's name of the message; empty where there is none.
        certain: Whether all there is was looked at; if not, it may be there all the same.
        later: Why the search is to be made again; None where it was made.
    """

    ts: str = ""
    certain: bool = True
    later: Answer | None = None


def metadata(step: Step, part: str) -> dict[str, Any]:
    """Return what a message carries unseen: incident and generation, the step, root or reply."""
    payload = {**_root(step), "step": step.id, "part": part}
    return {"event_type": EVENT_TYPE, "event_payload": payload}


def find_root(api: WebApi, http: Http, channel: str, step: Step, now: int) -> Found:
    """Return the message of a step's incident, the latest there is; `now` in unix seconds."""
    wanted = {**_root(step), "part": "root"}
    arguments: dict[str, str | int] = {"channel": channel, "oldest": now - WINDOW_SECONDS}
    return _search(
        lambda more: api.ask(http, "conversations.history", {**arguments, **more}), http, wanted
    )


def find_reply(api: WebApi, http: Http, place: tuple[str, str], step: Step) -> Found:
    """Return the reply that tells of a step in a thread: `place` is its channel and root."""
    wanted = {"step": step.id, "part": "reply"}
    arguments = {"channel": place[0], "ts": place[1]}
    return _search(
        lambda more: api.ask(http, "conversations.replies", {**arguments, **more}), http, wanted
    )


def _root(step: Step) -> dict[str, str]:
    return {"incident": step.incident, "generation": str(step.generation)}


def _search(
    page: Callable[[Mapping[str, str | int]], Reply], http: Http, wanted: Mapping[str, str]
) -> Found:
    more: dict[str, str | int] = {"limit": PAGE, "include_all_metadata": "true"}
    for _ in range(MOST_PAGES):
        reply = page(more)
        if not reply.well:
            again = reply.answer.verdict == "retry"
            return Found(certain=False, later=reply.answer if again else None)
        ts = next(_matching(reply, wanted), "")
        if ts:
            return Found(ts)
        cursor = _next(reply)
        if not cursor:
            return Found()
        if http.left() < LEAST_SECONDS:
            break
        more["cursor"] = cursor
    return Found(certain=False)


def _matching(reply: Reply, wanted: Mapping[str, str]) -> Iterator[str]:
    """Yield the names of messages whose metadata is ours and says what is wanted."""
    messages = reply.data.get("messages")
    for one in messages if isinstance(messages, list) else []:
        carried = one.get("metadata") if isinstance(one, dict) else None
        if not isinstance(carried, dict) or carried.get("event_type") != EVENT_TYPE:
            continue
        payload = carried.get("event_payload")
        ts = one.get("ts")
        if isinstance(payload, dict) and isinstance(ts, str) and wanted.items() <= payload.items():
            yield ts


def _next(reply: Reply) -> str:
    """Return where the next page begins, empty where there is none."""
    found = reply.data.get("response_metadata")
    cursor = found.get("next_cursor") if isinstance(found, dict) else None
    return cursor if isinstance(cursor, str) else ""
