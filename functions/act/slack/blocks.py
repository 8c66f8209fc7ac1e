"""Blocks within Slack's limits, and text that Slack shows as it was written.

Limits: 50 blocks a message, 150 characters a header, 3 000 a section, 10 fields of 2 000, 10
elements of context, 2 000 of alternative text and title.
Source: https://docs.slack.dev/reference/block-kit/blocks
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from functions.act import wording

Block = dict[str, Any]

MAX_HEADER = 150
MAX_SECTION = 3_000
MAX_FIELD = 2_000
MAX_FIELDS = 10
MAX_ELEMENTS = 10
MAX_ALT = 2_000
MAX_CONTEXT = 1_000
_LOOKALIKES = str.maketrans({"*": "∗", "`": "ˋ", "~": "∼"})  # noqa: RUF001 - lookalikes, on purpose
_QUOTATION = re.compile(r"^(&gt;)+", re.MULTILINE)
_LONGEST_ENTITY = len("&amp;")


def literal(text: str) -> str:
    """Return text that Slack shows as it is: no mention, no link, no bold.

    `&`, `<` and `>` are escaped as Slack asks; for what starts bold, italics, code or strike there
    is no escape, so it is replaced by characters that look alike.
    Source: https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    plain = escaped.translate(_LOOKALIKES)
    return "".join(
        "ˍ" if c == "_" and not _inside_a_word(plain, i) else c for i, c in enumerate(plain)
    )


def code(text: str) -> str:
    """Return a name as inline code, in which nothing else is read as markup."""
    return f"`{literal(wording.cut(text, wording.MAX_NAME) or '-')}`"


def link(href: str, text: str) -> str:
    """Return a link; the address keeps its characters but for those that would end it."""
    end = href.replace("&", "&amp;").replace("<", "%3C").replace(">", "%3E").replace("|", "%7C")
    return f"<{end}|{literal(text)}>"


def fitting(text: str, limit: int) -> str:
    """Return escaped text of at most `limit` characters, with no escape cut in two."""
    if len(text) <= limit:
        return text
    kept = text[: limit - 1]
    start = kept.rfind("&", len(kept) - _LONGEST_ENTITY)
    if start >= 0 and ";" not in kept[start:]:
        kept = kept[:start]
    return kept + "…"


def header(text: str, name: str) -> Block:
    """Return a title; in plain text nothing is markup, and `:words:` are no emoji."""
    shown = {"type": "plain_text", "text": wording.cut(text, MAX_HEADER), "emoji": False}
    return {"type": "header", "block_id": name, "text": shown}


def section(lines: Iterable[str]) -> Block:
    """Return whole lines up to the limit; the first is cut where it alone is longer."""
    return {"type": "section", "text": mrkdwn(_whole(list(lines), MAX_SECTION))}


def fields(pairs: Sequence[tuple[str, str]]) -> Block:
    """Return titles with what is to be said below them, in two columns."""
    shown = [mrkdwn(fitting(f"*{title}*\n{text}", MAX_FIELD)) for title, text in pairs if text]
    return {"type": "section", "fields": shown[:MAX_FIELDS]}


def context(texts: Sequence[str]) -> Block:
    """Return small print."""
    shown = [mrkdwn(fitting(text, MAX_CONTEXT)) for text in texts if text]
    return {"type": "context", "elements": shown[:MAX_ELEMENTS]}


def image(file: str, alt: str) -> Block:
    """Return a picture that was uploaded to Slack, by the id of its file."""
    return {
        "type": "image",
        "slack_file": {"id": file},
        "alt_text": wording.cut(alt, MAX_ALT) or "plot",
    }


def mrkdwn(text: str) -> dict[str, Any]:
    """Return marked-up text; `verbatim` keeps addresses from becoming links.

    What begins a line with an escaped `>` would be a quotation all the same; it gets a lookalike.
    """
    return {"type": "mrkdwn", "text": _QUOTATION.sub("›", text), "verbatim": True}  # noqa: RUF001 - lookalike, on purpose


def _whole(lines: Sequence[str], room: int) -> str:
    kept: list[str] = []
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return "\n".join(kept) or fitting(lines[0], MAX_SECTION)


def _inside_a_word(text: str, place: int) -> bool:
    return 0 < place < len(text) - 1 and text[place - 1].isalnum() and text[place + 1].isalnum()
