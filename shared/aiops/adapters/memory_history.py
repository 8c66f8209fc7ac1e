"""The history store's twin in memory."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiops.adapters.memory_series import MemorySeriesStore
from aiops.history import History


@dataclass(frozen=True, slots=True)
class MemoryHistory:
    """Reads what its series store appends; lifetimes are not kept."""

    series: MemorySeriesStore

    def read(self, places: Sequence[tuple[int, str]], since: int, until: int) -> list[History]:
        """Return points of series."""
        return [self._all(shard, series).between(since, until) for shard, series in places]

    def backfill(self, shard: int, series: str, history: History) -> int:
        """Add points before the first that is stored."""
        stored = self._all(shard, series)
        fitting = history.between(0, int(stored.time[0])) if len(stored.time) else history
        for chunk, points in fitting.chunks().items():
            place = (shard, series, chunk)
            self.series.history[place] = points + self.series.history.get(place, b"")
        return len(fitting.time)

    def _all(self, shard: int, series: str) -> History:
        mine = sorted(key for key in self.series.history if key[:2] == (shard, series))
        return History.of(b"".join(self.series.history[key] for key in mine))
