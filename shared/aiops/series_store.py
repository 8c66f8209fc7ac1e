"""Where series live between events: packed records, and the anomalies not yet published.

The unit of atomicity is one series: its record and the outputs its change caused are written
together or not at all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

NONCE_BYTES = 8
"""A record begins with a hash of its content; absent records have the empty one."""

MAX_BACKLOG = 10_000
"""Unpublished outputs in one shard beyond which nothing more is scored."""

DRAIN_LIMIT = 64
"""Overdue outputs one request takes along from each shard."""

OVERDUE_SECONDS = 5
"""After how much real time an unpublished output is taken for left behind."""

Field = tuple[int, str]
"""An output's place: shard, and `series:time`."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the store holds.

    Attributes:
        records: One for every key asked for, None where there is none.
        backlog: The most outputs that wait in any of the shards.
        overdue: Outputs committed before the time asked for, and never removed since.
    """

    records: Sequence[bytes | None]
    backlog: int
    overdue: Mapping[Field, bytes]


class Mode(StrEnum):
    """What a write does to the record that is stored."""

    WHOLE = "w"
    """Replaces it; its lifetime begins anew."""
    PATCH = "p"
    """Replaces its beginning; its lifetime goes on."""
    RENEW = "r"
    """Replaces its beginning; its lifetime begins anew."""


class Write(NamedTuple):
    """The change of a series, to be written if the stored record is still the expected one.

    Attributes:
        expected: The nonce of the record that was read, empty where there was none.
        span: The new record from its beginning, the nonce, to the end of what changed; all of it
            where it replaces the stored one.
        outputs: `series:time` and finished anomaly, of every sample that became one.
        history: Chunk (time over `HISTORY_CHUNK_MS`) and packed points to be appended to it.
    """

    shard: int
    key: str
    expected: bytes
    span: bytes
    mode: Mode = Mode.WHOLE
    outputs: tuple[tuple[str, bytes], ...] = ()
    history: tuple[tuple[int, bytes], ...] = ()


class SeriesStore(Protocol):
    """Records of series and their unpublished outputs; every method is one round trip or two."""

    def load(
        self, keys: Sequence[tuple[int, str]], shards: Iterable[int], overdue_before: int
    ) -> Loaded:
        """Return the records of `(shard, key)` pairs, and what waits in the shards."""

    def commit(self, writes: Sequence[Write], now: int) -> list[int]:
        """Write records and outputs, series by series; return the places of those refused.

        A write is refused when the stored record is not the expected one any more.
        """

    def outputs(self, fields: Sequence[Field]) -> dict[Field, bytes]:
        """Return those of the outputs that have not been removed."""

    def remove(self, fields: Sequence[Field]) -> None:
        """Forget outputs, because they are published."""

    def mark_processed(self, partition: str, until: int) -> None:
        """Remember that everything in a partition is processed up to a time; never goes back."""

    def processed(self) -> dict[str, int]:
        """Return the time up to which each partition is processed."""
