"""From an answer to readings, time by time. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from operator import itemgetter

from aiops.adapters.prometheus import Sample
from aiops.batching import Reading
from aiops.events import SeriesHead
from aiops.ports import Counts
from aiops.series import SeriesMap

Place = tuple[str, list[tuple[str, str]]]
"""By what a series is put in order: its key, and its labels where two have the same."""


def sampled(
    metric: str, samples: Iterable[Sample], names: SeriesMap, most: int, counts: Counts
) -> Iterator[tuple[int, list[Reading]]]:
    """Yield each time of an answer with its readings, in the order of their series' keys.

    Keys are hashes: which series are kept does not depend on what a server lists first, and a new
    one pushes out one other at most.

    Args:
        metric: The name the answer gets.
        samples: The answer.
        names: Knows the keys.
        most: How many series are kept at each time.
        counts: Counts `samples`, and those `over_max_series`.
    """
    heads: dict[int, tuple[SeriesHead, Place]] = {}
    times: defaultdict[int, list[tuple[Place, Reading]]]
    times = defaultdict(list)
    for sample in samples:
        known = heads.get(id(sample.labels))
        if known is None:
            head = SeriesHead(metric=metric, labels=dict(sample.labels))
            known = heads[id(sample.labels)] = head, _place(head, names)
        times[sample.time].append((known[1], Reading(known[0], sample.time, sample.value)))
    for at, placed in sorted(times.items()):
        placed.sort(key=itemgetter(0))
        counts["over_max_series"] += max(0, len(placed) - most)
        counts["samples"] += min(len(placed), most)
        yield at, [reading for _, reading in placed[:most]]


def _place(head: SeriesHead, names: SeriesMap) -> Place:
    """Return by what a series is put in order; one that cannot be taken goes last."""
    series = names.read(head)
    return "~" if isinstance(series, str) else series.key, sorted(head.labels.items())
