"""From what a line says to what all lines like it say, under the same name everywhere. Pure.

Whatever differs from line to line of a kind is masked: quoted words, values after `=`, and every
word with a digit in it, be it a number, a time, an address or an id. Other ways learn from the
lines that came before, so two instances would call the same line by different names; this one
looks at nothing but the line.
"""

import re
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from functions.detect.signals.logs.redaction import redacted

MASK = "<*>"

MAX_TEMPLATE = 200
"""Characters of a template that tell it from others."""

LONGEST_WORD = 64
"""Longer ones are no words."""

_QUOTED = re.compile(r"\"[^\"\n]{0,512}\"|(?<!\w)'[^'\n]{0,512}'(?!\w)|`[^`\n]{0,512}`")
_WORD = re.compile(r"[^\s=,;()\[\]{}<>|\"'`]+")
_MESSAGE = re.compile(r"(?:^|\s)(?:msg|message)=(?:\"((?:[^\"\\]|\\.){0,2048})\"|(\S+))")
_MASKED = re.compile(rf"{re.escape(MASK)}(?:[\s,;:]*{re.escape(MASK)})+")
_DIGIT = re.compile(r"\d")
_LIFTED = str.maketrans("", "", "\x00")
_SPACE = re.compile(r"\s+")

KNOWN = 1 << 14
"""Lines remembered with their templates; the same words come again and again."""


class Template(NamedTuple):
    """What lines of a kind have in common.

    Attributes:
        id: 16 hexadecimal digits, of the words alone.
        text: The words, with `<*>` for what differs.
    """

    id: str
    text: str


@lru_cache(maxsize=KNOWN)
def template_of(text: str, error: str = "") -> Template:
    """Return the template of a line: of its first line, where it has several.

    Args:
        text: What it says.
        error: The kind of the error it tells of, which is a part of the template.
    """
    first = text.lstrip().partition("\n")[0].translate(_LIFTED)
    said = _MESSAGE.search(first)
    if said:
        first = said[1] if said[1] is not None else said[2]
    masked = _WORD.sub(_word, _QUOTED.sub(MASK, first).replace(MASK, "\x00"))
    masked = _MASKED.sub(MASK, masked.replace("\x00", MASK))
    words = _SPACE.sub(" ", f"{error}: {masked}" if error and error not in masked else masked)
    words = _shown(words.strip()[:MAX_TEMPLATE])[:MAX_TEMPLATE]
    return Template(blake2b(words.encode("utf-8", "replace"), digest_size=8).hexdigest(), words)


@lru_cache(maxsize=KNOWN)
def _shown(words: str) -> str:
    """Return masked words without the secrets that have no digit: people see them in a label."""
    return redacted(words)


def _word(found: re.Match[str]) -> str:
    word = found[0]
    if word == "\x00":
        return word
    start = found.start()
    if start and found.string[start - 1] == "=":
        return MASK
    if len(word) > LONGEST_WORD or "://" in word or "::" in word or ("@" in word and "." in word):
        return MASK
    if not _DIGIT.search(word):
        return word
    if "/" in word and word.count("/") > 1:
        return "/".join(MASK if _DIGIT.search(part) else part for part in word.split("/"))
    return MASK + _ending(word)


def _ending(word: str) -> str:
    return word[-1] if word[-1] in ":.!?" else ""
