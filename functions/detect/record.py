"""The packed record of a series: a header of ours, then its detector's state.

Header fields. With every sample change: nonce (hash of everything after it), kind (of detector
state, 0: there is none yet), the accepted samples, the time of the last one, the last raw value of
a counter, since when the evidence has been over the line (0: it is not), and the last few accepted
times.
Seldom change: since when the series has been learned (negative: from that time on on purpose, what
came before does not count), which verdicts the lines were made from, the lines themselves (of the
detector, of a model: at least, at most; 0: no such limit), the hours of the day in which more is
expected (a bit each) and up to which evidence, the version of the model to score with (0: none;
-t: none that was made before t), and when a model was last asked for.
"""

from collections.abc import Container, Sequence
from functools import cache
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from aiops.detection import Detector, StateArray

RECENT = 4
MOST_BUCKETS = 40
"""Upper bounds a histogram may have, the infinite one included."""

HEADER = np.dtype(
    [
        ("nonce", "<u8"),
        ("kind", "<u4"),
        ("count", "<u4"),
        ("last", "<i8"),
        ("raw", "<f8"),
        ("over_since", "<i8"),
        ("recent", "<i8", (RECENT,)),
        ("since", "<i8"),
        ("mark", "<u8"),
        ("line", "<f4", (2, 2)),
        ("hours", "<u4"),
        ("hourly", "<f4"),
        ("model", "<i8"),
        ("asked", "<i8"),
    ]
)
KEPT = ("last", "raw", "recent")
"""What a record of another detector says that still holds."""

TRACK = np.dtype(
    [
        ("value", "<f8"),
        ("smooth", "<f8"),
        ("stepped", "<i8"),
        ("followed", "<i8"),
        ("drift", "<f8", (2,)),
        ("drifting", "<i8", (2,)),
    ]
)
"""What scoring with a model keeps of a series.

The last value and the smoothed one of the samples models are fitted to, the time of the last of
them, the version of the model all this belongs to, and of the drift test the sums up and down and
since when each has been above 0.
"""

_WORD = 8
_MIX = np.uint64(0x9E3779B97F4A7C15)


def record_dtype(
    detector: Detector,
    *,
    modelled: bool = False,
    buckets: bool = False,
    row: np.dtype[Any] | None = None,
) -> np.dtype[Any]:
    """Return the layout of one record, padded to whole words.

    Args:
        detector: Whose state it holds.
        modelled: Whether with a track.
        buckets: Whether with the counts of a histogram.
        row: What is kept of the rows of several metrics, where it is for those.
    """
    parts: list[tuple[str, Any]] = [("header", HEADER)]
    parts += [("track", TRACK)] if modelled else []
    parts += [("buckets", np.dtype(("<f8", (MOST_BUCKETS,))))] if buckets else []
    parts += [] if row is None else [("row", row)]
    parts.append(("state", detector.dtype))
    used = sum(np.dtype(part).itemsize for _, part in parts)
    return np.dtype([*parts, ("padding", np.dtype(f"V{-used % _WORD}"))])


def kind_of(name: str, layout: np.dtype[Any]) -> int:
    """Return the number that tells records of one detector and layout from others, never 0."""
    return crc32(f"{name}:{layout.descr}".encode()) or 1


def unpack(
    records: Sequence[bytes | None], layout: np.dtype[Any], kind: int
) -> tuple[StateArray, NDArray[np.bool_]]:
    """Return records as an array, writable and owned by the caller, and which are of this kind.

    A record of another kind keeps its times, so that nothing is accepted twice, and starts to
    learn anew; one that has no state yet keeps its whole header. Only on top of one of this kind
    may a change be written alone.

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
        _forget(array, ~known)
        header["kind"] = kind
    return array, known


def header_of(record: bytes | None, kinds: Container[int]) -> StateArray:
    """Return the header of a record, shape (1,), a copy; see `unpack` for those of no known kind.

    Args:
        record: As it is stored, None where there is none.
        kinds: The kinds that are known.
    """
    header = np.frombuffer(_fitted(record, HEADER.itemsize, bytes(HEADER.itemsize)), HEADER).copy()
    if int(header["kind"][0]) not in kinds:
        made = np.zeros(1, HEADER)
        for name in KEPT if header["kind"][0] else HEADER.names or ():
            made[name] = header[name]
        made["kind"] = 0
        return made
    return header


def sealed(record: bytes) -> bytes:
    """Return a record of whole words with its nonce set from its content."""
    array = np.frombuffer(bytearray(record), np.uint64).reshape(1, -1)
    array[:, 0] = _nonce(array)
    return array.tobytes()


def words(array: StateArray) -> NDArray[np.uint64]:
    """Return records as words, shape (n, words of one), a view."""
    return array.view(np.uint64).reshape(len(array), -1)


def seal(array: StateArray) -> None:
    """Set every record's nonce from its content."""
    content = words(array)
    content[:, 0] = _nonce(content)


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


def _forget(array: StateArray, other: NDArray[np.bool_]) -> None:
    """Empty records that are of no use as they are; see `unpack`."""
    header = array["header"]
    for name in array.dtype.names or ():
        if name != "header":
            array[name][other] = np.zeros((), array.dtype[name])
    of_another = other & (header["kind"] != 0)
    for name in HEADER.names or ():
        if name not in KEPT:
            header[name][of_another] = 0


def _nonce(content: NDArray[np.uint64]) -> NDArray[np.uint64]:
    folded = content[:, 1:] ^ (content[:, 1:] >> np.uint64(32))  # round numbers end in zeros
    return _scattered(np.einsum("ij,j->i", folded, _weights(content.shape[1] - 1)))


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
