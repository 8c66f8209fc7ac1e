"""The verdict store's twin in memory."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from aiops.verdicts import MOST_VERDICTS, Given, in_order


@dataclass(slots=True)
class MemoryVerdicts:
    """Holds verdicts in dictionaries; lifetimes are not kept."""

    given: defaultdict[tuple[int, str], dict[str, Given]] = field(
        default_factory=lambda: defaultdict(dict)
    )

    def add(self, shard: int, series: str, given: Given) -> None:
        """Keep a verdict, unless there is a later one on the same anomaly."""
        mine = self.given[shard, series]
        known = mine.get(given.anomaly)
        if known is None or known.given_at < given.given_at:
            mine[given.anomaly] = given
        for old in in_order(tuple(mine.values()))[:-MOST_VERDICTS]:
            del mine[old.anomaly]

    def read(self, places: Sequence[tuple[int, str]]) -> list[tuple[Given, ...]]:
        """Return the verdicts on series."""
        return [in_order(tuple(self.given.get(place, {}).values())) for place in places]

    def everything(self) -> Iterator[tuple[str, tuple[Given, ...]]]:
        """Yield every series, and what was said of it."""
        for (_, series), mine in self.given.items():
            yield series, in_order(tuple(mine.values()))
