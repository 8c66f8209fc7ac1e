"""The packed record of a series: a header of ours, then its detector's state.

Header fields, in order: nonce (hash of everything after it), kind (of detector state), the time
of the last accepted sample, the accepted samples, the last raw value of a counter, since when
the evidence has been over the line (0: it is not), and the last few accepted times.
"""

from collections.abc import Sequence
from functools import cache
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


def unpack(
    records: Sequence[bytes | None], layout: np.dtype[Any], kind: int
) -> tuple[StateArray, NDArray[np.bool_]]:
    """Return records as an array, writable and owned by the caller, and which are of this kind.

    A record of another kind keeps its times, so that nothing is accepted twice, and starts to
    learn anew. Only on top of one of this kind may a change be written alone.

    Returns:
        Shape (n,) of `layout`; shape (n,).
    """
    size = layout.itemsize
    blank = bytes(size)
    packed = bytearray().join([_fitted(record, size, blank) for record in records])
    array = np.frombuffer(packed, dtype=layout)
    header = array["header"]
    whole = [record is not None and len(record) == size for record in records]
    known: NDArray[np.bool_] = (header["kind"] == kind) & np.array(whole, dtype=bool)
    if not known.all():
        other = ~known
        header["count"][other] = 0
        header["over_since"][other] = 0
        array["state"][other] = np.zeros((), dtype=layout["state"])
        header["kind"] = kind
    return array, known


def words(array: StateArray) -> NDArray[np.uint64]:
    """Return records as words, shape (n, words of one), a view."""
    return array.view(np.uint64).reshape(len(array), -1)


def seal(array: StateArray) -> None:
    """Set every record's nonce from its content."""
    content = words(array)
    folded = content[:, 1:] ^ (content[:, 1:] >> np.uint64(32))  # round numbers end in zeros
    nonce = np.einsum("ij,j->i", folded, _weights(content.shape[1] - 1))
    content[:, 0] = _scattered(nonce)


def ends(before: NDArray[np.uint64], after: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return behind which byte nothing changed, shape (n,); the nonce is taken for changed."""
    changed = before != after
    changed[:, 0] = True
    unchanged = changed[:, ::-1].argmax(axis=1)
    return np.asarray((changed.shape[1] - unchanged) * _WORD)


def _fitted(record: bytes | None, size: int, blank: bytes) -> bytes:
    if record is None:
        return blank
    if len(record) == size:
        return record
    return record[: HEADER.itemsize].ljust(HEADER.itemsize, b"\0") + blank[HEADER.itemsize :]


@cache
def _weights(n: int) -> NDArray[np.uint64]:
    """Return odd numbers as good as random: whatever changes, the weighted sum does too.

    Source: Dietzfelbinger et al., "A reliable randomized algorithm for the closest-pair problem"
    (1997), multiply-add hashing, with fixed weights.
    """
    return _scattered(np.arange(1, n + 1, dtype=np.uint64) * _MIX) | np.uint64(1)


def _scattered(number: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return numbers whose every bit depends on all bits of what is given, one to one.

    Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
    """
    mixed = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))
