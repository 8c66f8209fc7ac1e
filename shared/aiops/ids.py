"""Ids derived from what a thing is, so that every attempt at the same thing names it alike."""

import uuid

_NAMESPACE = uuid.UUID("6f0d7f0e-3a0c-5f0b-9a43-0c6a3b1f7a10")


def derive(kind: str, *parts: str | int) -> str:
    """Return the uuid5 of a kind of thing and the parts that make it what it is."""
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join((kind, *map(str, parts)))))
