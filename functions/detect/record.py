"""The packed record of a series: a header of ours, then its detector's state.

Header fields, in order: nonce (hash of everything after it), kind (of detector state), the time
of the last accepted sample, the accepted samples, the last raw value of a counter, since when
the evidence has been over the line (0: it is not), and the last few accepted times.
"""

from collections.abc import Sequence
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from aiops.detection import Detector, StateArray

RECENT = 4
HEADER = np.dtype(
    [
        ("nonce", "<u8"),
        ("kind", "<u4"),
        ("count", "<u4"),
        ("last", "<i8"),
        ("raw", "<f8"),
        ("over_since", "<i8"),
        ("recent", "<i8", (RECENT,)),
    ]
)
_WORD = 8
_MIX = np.uint64(0x9E3779B97F4A7C15)


def record_dtype(detector: Detector) -> np.dtype[Any]:
    """Return the layout of one record, padded to whole words."""
    padding = -(HEADER.itemsize + detector.dtype.itemsize) % _WORD
    return np.dtype([("header", HEADER), ("state", detector.dtype), ("padding", "V", padding)])


def kind_of(name: str, layout: np.dtype[Any]) -> int:
    """Return the number that tells records of one detector and layout from others, never 0."""
    return crc32(f"{name}:{layout.descr}".encode()) or 1


def unpack(records: Sequence[bytes | None], layout: np.dtype[Any], kind: int) -> StateArray:
    """Return records as an array, shape (n,) of `layout`, writable and owned by the caller.

    A record of another kind keeps its times, so that nothing is accepted twice, and starts to
    learn anew.
    """
    size = layout.itemsize
    blank = bytes(size)
    packed = b"".join(_fitted(record, size, blank) for record in records)
    array = np.frombuffer(bytearray(packed), dtype=layout)
    header = array["header"]
    other = header["kind"] != kind
    if other.any():
        header["count"][other] = 0
        header["over_since"][other] = 0
        array["state"][other] = np.zeros((), dtype=layout["state"])
        header["kind"] = kind
    return array


def seal(array: StateArray) -> NDArray[np.uint64]:
    """Set every record's nonce from its content; return the records as words, shape (n, words)."""
    words = array.view(np.uint64).reshape(len(array), -1)
    words[:, 0] = 0
    mixed = words ^ (words >> np.uint64(31))
    mixed *= _MIX
    mixed ^= mixed >> np.uint64(29)
    mixed *= _weights(words.shape[1])
    nonce = np.bitwise_xor.reduce(mixed + (mixed >> np.uint64(32)), axis=1)
    nonce ^= nonce >> np.uint64(33)
    words[:, 0] = nonce
    return words


def spans(
    before: NDArray[np.uint64], after: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where the bytes that changed begin and end, the nonce left out, shapes (n,)."""
    changed = before != after
    changed[:, 0] = False
    width = changed.shape[1]
    first = changed.argmax(axis=1)
    last = width - changed[:, ::-1].argmax(axis=1)
    none = ~changed.any(axis=1)
    first[none], last[none] = 1, 1
    return first * _WORD, last * _WORD


def fits(record: bytes | None, layout: np.dtype[Any], kind: int) -> bool:
    """Return whether a stored record is one of this kind, so that a change may be written alone."""
    if record is None or len(record) != layout.itemsize:
        return False
    return bool(np.frombuffer(record, HEADER, count=1)["kind"][0] == kind)


def _fitted(record: bytes | None, size: int, blank: bytes) -> bytes:
    if record is None:
        return blank
    if len(record) == size:
        return record
    return record[: HEADER.itemsize].ljust(HEADER.itemsize, b"\0") + blank[HEADER.itemsize :]


def _weights(n: int) -> NDArray[np.uint64]:
    """Return odd multipliers, so that equal words at different places hash differently."""
    return (np.arange(1, n + 1, dtype=np.uint64) * _MIX) | np.uint64(1)
