"""What goes through the pipes between `train` and its worker: a head in JSON, and bytes."""

import json
import struct
from collections.abc import Mapping
from typing import Any, BinaryIO

_LENGTHS = struct.Struct("<II")
MOST_BYTES = 1 << 28


def pack(head: Mapping[str, Any], body: bytes = b"") -> bytes:
    """Return a frame: both lengths, head, body."""
    written = json.dumps(head, separators=(",", ":")).encode()
    return _LENGTHS.pack(len(written), len(body)) + written + body


def read(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """Return the next frame's head and body, None at the end of the stream.

    Raises:
        EOFError: the stream ends within a frame.
    """
    lengths = stream.read(_LENGTHS.size)
    if not lengths:
        return None
    if len(lengths) < _LENGTHS.size:
        raise EOFError("a frame was cut off")
    head, body = _LENGTHS.unpack(lengths)
    content = stream.read(head + body)
    if len(content) < head + body:
        raise EOFError("a frame was cut off")
    return json.loads(content[:head]), content[head:]


class Unframed:
    """Bytes as they arrive, and the frames that are whole."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def take(self, arrived: bytes) -> list[tuple[dict[str, Any], bytes]]:
        """Return the frames that are whole now.

        Raises:
            ValueError: what arrives is no frame.
        """
        self._bytes += arrived
        found = []
        while len(self._bytes) >= _LENGTHS.size:
            head, body = _LENGTHS.unpack_from(self._bytes)
            end = _LENGTHS.size + head + body
            if end > MOST_BYTES:
                raise ValueError("no frame")
            if len(self._bytes) < end:
                break
            content = bytes(self._bytes[_LENGTHS.size : end])
            del self._bytes[:end]
            found.append((json.loads(content[:head]), content[head:]))
        return found
