"""What Block Kit takes, as its reference says; it shares no code with what makes the blocks.

Source: https://docs.slack.dev/reference/block-kit/blocks and
https://docs.slack.dev/reference/block-kit/composition-objects
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

MOST_BLOCKS = 50
MAX_ID = 255
TEXTS = ("plain_text", "mrkdwn")

FileReady = Callable[[str], bool]


class InvalidBlocks(Exception):
    """Blocks that Slack would refuse; the message says which and why."""


def check(blocks: Any, ready: FileReady) -> None:
    """Return where blocks are as they may be.

    Args:
        blocks: As they came.
        ready: Whether a file of an id can be shown.

    Raises:
        InvalidBlocks: they are not.
    """
    _claim(isinstance(blocks, list) and len(blocks) <= MOST_BLOCKS, "more than 50 blocks")
    names = [one.get("block_id") for one in blocks if isinstance(one, dict)]
    given = [name for name in names if name is not None]
    _claim(len(set(given)) == len(given), "block_id: not unique")
    for place, block in enumerate(blocks):
        where = f"/blocks/{place}"
        _claim(isinstance(block, dict), f"{where}: no object")
        name = block.get("block_id", "x")
        _claim(isinstance(name, str) and 1 <= len(name) <= MAX_ID, f"{where}: block_id")
        kind = block.get("type")
        if kind == "image":
            _image(block, where, ready)
        elif kind in _CHECKS:
            _CHECKS[kind](block, where)
        else:
            raise InvalidBlocks(f"{where}: unsupported type")


def texts(blocks: Sequence[dict[str, Any]]) -> Iterator[tuple[str, bool]]:
    """Yield what there is to read in checked blocks, and whether marks in it mean anything."""
    for block in blocks:
        for part in (block.get("text"), *block.get("fields", ()), *block.get("elements", ())):
            shown = part["text"] if part and part["type"] == "button" else part
            if shown:
                yield shown["text"], shown["type"] == "mrkdwn"
        if block["type"] == "image":
            yield block["alt_text"], False


def _header(block: dict[str, Any], where: str) -> None:
    _text(block.get("text"), where, 150, ("plain_text",))


def _section(block: dict[str, Any], where: str) -> None:
    fields = block.get("fields")
    _claim(fields is not None or "text" in block, f"{where}: neither text nor fields")
    if "text" in block:
        _text(block["text"], where, 3_000, TEXTS)
    if fields is not None:
        _claim(isinstance(fields, list) and 1 <= len(fields) <= 10, f"{where}: fields")
        for place, one in enumerate(fields):
            _text(one, f"{where}/fields/{place}", 2_000, TEXTS)


def _context(block: dict[str, Any], where: str) -> None:
    elements = block.get("elements")
    _claim(isinstance(elements, list) and 1 <= len(elements) <= 10, f"{where}: elements")
    for place, one in enumerate(elements or ()):
        _text(one, f"{where}/elements/{place}", 3_000, TEXTS)


def _actions(block: dict[str, Any], where: str) -> None:
    elements = block.get("elements")
    _claim(isinstance(elements, list) and 1 <= len(elements) <= 25, f"{where}: elements")
    names = [one.get("action_id") for one in elements or () if isinstance(one, dict)]
    _claim(len(set(names)) == len(names), f"{where}: action_id: not unique")
    for place, one in enumerate(elements or ()):
        _button(one, f"{where}/elements/{place}")


def _button(button: Any, where: str) -> None:
    _claim(isinstance(button, dict) and button.get("type") == "button", f"{where}: no button")
    _text(button.get("text"), where, 75, ("plain_text",))
    name, value = button.get("action_id"), button.get("value", "")
    _claim(isinstance(name, str) and 1 <= len(name) <= MAX_ID, f"{where}: action_id")
    _claim(isinstance(value, str) and len(value) <= 2_000, f"{where}: value")
    _claim(button.get("style", "primary") in {"primary", "danger"}, f"{where}: style")
    dialog = button.get("confirm")
    if dialog is not None:
        _claim(isinstance(dialog, dict), f"{where}: confirm")
        for part, limit in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
            _text(dialog.get(part), f"{where}/confirm/{part}", limit, ("plain_text",))


def _image(block: dict[str, Any], where: str, ready: FileReady) -> None:
    alt, file, url = block.get("alt_text"), block.get("slack_file"), block.get("image_url")
    _claim(isinstance(alt, str) and 1 <= len(alt) <= 2_000, f"{where}: alt_text")
    _claim((file is None) != (url is None), f"{where}: either image_url or slack_file")
    if file is not None:
        name = file.get("id") if isinstance(file, dict) and len(file) == 1 else None
        shown = isinstance(name, str) and ready(name)
        _claim(shown, f"invalid slack file [json-pointer:{where}/slack_file]")


def _text(text: Any, where: str, limit: int, kinds: Sequence[str]) -> None:
    _claim(isinstance(text, dict) and text.get("type") in kinds, f"{where}: text")
    content = text.get("text")
    _claim(isinstance(content, str) and 1 <= len(content) <= limit, f"{where}: text length")


def _claim(holds: object, otherwise: str) -> None:
    if not holds:
        raise InvalidBlocks(otherwise)


def _divider(block: dict[str, Any], where: str) -> None:
    """A line has nothing that could be wrong."""


_CHECKS: dict[str, Callable[[dict[str, Any], str], None]] = {
    "header": _header,
    "section": _section,
    "context": _context,
    "actions": _actions,
    "divider": _divider,
}
