"""From records that changed to the writes that store them, with outputs and history. Pure."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aiops.combination import interleaved
from aiops.detection import StateArray, TimeArray
from aiops.history import HISTORY_CHUNK_MS
from aiops.series_store import NONCE_BYTES, Mode, Write
from functions.detect.outcome import Outcome, Step
from functions.detect.record import ends, seal, words
from functions.detect.values import Values

RENEWAL_MS = 24 * 3_600_000
"""A record's lifetime, which is much longer, is renewed by the first sample of each such span."""

_MODES = (Mode.PATCH, Mode.RENEW, Mode.WHOLE)


@dataclass(slots=True)
class Made:
    """What the samples of a group brought, by position.

    Attributes:
        accepted: How many samples each series accepted, shape (group,).
        outputs: `series:time` and finished anomaly.
        history: Chunk and points, of what is kept to fit models to.
    """

    accepted: NDArray[np.int64]
    outputs: dict[int, list[tuple[str, bytes]]] = field(default_factory=dict)
    history: dict[int, list[tuple[int, bytes]]] = field(default_factory=dict)

    def keep(self, last: TimeArray, step: Step, values: Values, length: int) -> None:
        """Keep the first sample of each step of time.

        Args:
            last: When each series of the group had its last sample, shape (group,).
            step: What there is to judge.
            values: Has the rows of it.
            length: Of a step of time, milliseconds.
        """
        for place in np.flatnonzero(last[step.at] // length != step.time // length):
            at, time = int(step.at[place]), int(step.time[place])
            row = values.row(at)
            if row is None:
                packed = struct.pack("<qd", time, float(step.value[place]))
            else:
                packed = interleaved(time, length, row).tobytes()
            self.history.setdefault(at, []).append((time // HISTORY_CHUNK_MS, packed))


@dataclass(frozen=True, slots=True)
class Before:
    """A group's records as they were.

    Attributes:
        stored: As bytes, None where there was none.
        array: Unpacked, shape (n,).
        known: Which are of the kind of the group's detector, shape (n,).
    """

    stored: Sequence[bytes | None]
    array: StateArray
    known: NDArray[np.bool_]


def collect(
    outcome: Outcome,
    named: tuple[Sequence[tuple[int, str]], NDArray[np.int64]],
    before: Before,
    after: StateArray,
    made: Made,
) -> None:
    """Seal what changed and add a write to an outcome for every series that accepted a sample.

    Args:
        outcome: Added to.
        named: Shard and key of all series of the batch; which of them the group has, shape (n,).
        before: The records as they were.
        after: As they are now, shape (n,); sealed in place.
        made: Of their samples.
    """
    seal(after)
    size = after.dtype.itemsize
    end = ends(words(before.array), words(after))
    end[~before.known] = size
    modes = _modes(before, after)
    packed = after.view(np.uint8).data
    keys, members = named
    written = np.flatnonzero(made.accepted)
    places = members[written].tolist()
    outcome.places += places
    outcome.accepted += made.accepted[written].tolist()
    outputs, history = made.outputs, made.history
    for at, place, stop in zip(written.tolist(), places, end[written].tolist(), strict=True):
        shard, key = keys[place]
        found = before.stored[at]
        outcome.writes.append(
            Write(
                shard,
                key,
                b"" if found is None else found[:NONCE_BYTES],
                packed[at * size : at * size + stop].tobytes(),
                modes[at],
                tuple(outputs[at]) if at in outputs else (),
                _chunks(history[at]) if at in history else (),
            )
        )


def _modes(before: Before, after: StateArray) -> list[Mode]:
    """Return how each record is written; a lifetime begins anew with each day of samples."""
    last, now = before.array["header"]["last"], after["header"]["last"]
    renewed = last // RENEWAL_MS != now // RENEWAL_MS
    chosen = np.where(before.known, np.where(renewed, 1, 0), 2)
    return [_MODES[mode] for mode in chosen.tolist()]


def _chunks(pieces: Sequence[tuple[int, bytes]]) -> tuple[tuple[int, bytes], ...]:
    """Return pieces of history, one of each chunk."""
    chunks: dict[int, bytes] = {}
    for chunk, packed in pieces:
        chunks[chunk] = chunks.get(chunk, b"") + packed
    return tuple(chunks.items())
