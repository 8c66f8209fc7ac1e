"""From what was learned in memory to the records and the history that `detect` and `train` read."""

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from aiops.adapters.memory_history import MemoryHistory
from aiops.detection import StateArray
from aiops.errors import Unavailable
from aiops.history import HistoryStore
from aiops.ports import Counts
from aiops.series import Series
from aiops.series_store import NONCE_BYTES, SeriesStore, Write
from functions.detect.config import DetectConfig
from functions.detect.judge import Judge
from functions.detect.record import HEADER, KEPT, header_of, sealed
from local.backfill.learning import Learning

AT_ONCE = 200
ROUNDS = 5
CARRIED = (*KEPT, "over_since", "model", "asked")
"""What a record of a series that goes on says of the present."""

END_OF_TIME = 1 << 53

Key = tuple[int, str]


@dataclass(frozen=True, slots=True)
class TakingOver:
    """Puts what was learned where it is used.

    A record that does not exist yet is written as it was learned. One that has not learned enough
    to alarm is replaced by what was learned and goes on from its own last sample, so that nothing
    is accepted twice. One that alarms already, or was told that everything is new, stays.
    """

    config: DetectConfig
    store: SeriesStore
    history: HistoryStore

    def __call__(self, learned: Learning, kinds: Container[int], now: int) -> Counts:
        """Take over a query's series; again is no harm.

        Args:
            learned: What is known of them.
            kinds: Of records.
            now: Unix milliseconds.

        Returns:
            How many series are `new`, `continued`, `known`, and points of `history`.

        Raises:
            Unavailable: a store is away, or others change a series again and again.
        """
        counts: Counts = Counter()
        past = MemoryHistory(learned.store)
        for keys in _portions([key for key in learned.known if key in learned.store.records]):
            for (shard, key), history in zip(keys, past.read(keys, 0, END_OF_TIME), strict=True):
                counts["history"] += self.history.backfill(shard, key, history)
            left = keys
            for _ in range(ROUNDS):
                left = self._round(left, learned, kinds, now, counts)
                if not left:
                    break
            else:
                raise Unavailable("series: changed by others again and again")
        return counts

    def _round(
        self,
        keys: Sequence[Key],
        learned: Learning,
        kinds: Container[int],
        now: int,
        counts: Counts,
    ) -> list[Key]:
        """Write what is to be written; return those that others changed meanwhile."""
        writes: list[Write] = []
        words: list[str] = []
        for key, stored in zip(keys, self.store.load(keys, (), 0).records, strict=True):
            header = None if stored is None else header_of(stored, kinds)
            if header is not None and not self._learning(learned.known[key], header, now):
                counts["known"] += 1
                continue
            record = _continued(learned.store.records[key], header)
            expected = b"" if stored is None else stored[:NONCE_BYTES]
            writes.append(Write(*key, expected, record))
            words.append("new" if header is None else "continued")
        refused = set(self.store.commit(writes, now))
        counts.update(word for place, word in enumerate(words) if place not in refused)
        return [(writes[place].shard, writes[place].key) for place in sorted(refused)]

    def _learning(self, series: Series, header: StateArray, now: int) -> bool:
        """Return whether a series would not alarm yet, and not because somebody said so."""
        judge = Judge.of(self.config.rule(self.config.rule_named(series)))
        known = judge.learned(header, np.zeros(1, np.int64), np.array([now]))
        return not bool(known[0]) and int(header["since"][0]) >= 0


def _continued(record: bytes, header: StateArray | None) -> bytes:
    """Return a learned record as one that goes on where the stored one is."""
    array = np.frombuffer(bytearray(record[: HEADER.itemsize]), HEADER)
    array["asked"] = 0  # nobody was asked for a model
    if header is not None:
        for name in CARRIED:
            array[name] = header[name]
        array["count"] += header["count"]
    return sealed(array.tobytes() + record[HEADER.itemsize :])


def _portions(keys: Iterable[Key]) -> Iterator[list[Key]]:
    rest = iter(keys)
    while portion := list(islice(rest, AT_ONCE)):
        yield portion
