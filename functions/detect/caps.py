"""How many series a selector takes; those beyond are counted and left alone."""

from collections import defaultdict
from hashlib import blake2b

import numpy as np

from aiops.admissions import Admissions
from aiops.ports import Counts
from functions.detect.batch import Batch
from functions.detect.config import DetectConfig

CERTAIN_MS = 3_600_000
"""How long a series that was taken in is known to be; then it is asked for again."""

REFUSED_MS = 60_000
"""How long one that was not is left alone."""

MOST_KNOWN = 1 << 20
"""Series remembered by a process; beyond that all are asked for anew."""


class Caps:
    """Keeps series out that are too many.

    Args:
        config: Of `detect`; rules without `max_series` take all.
        admissions: What all instances know.
    """

    def __init__(self, config: DetectConfig, admissions: Admissions) -> None:
        rules = {**dict(enumerate(config.rules)), len(config.rules): config.default}
        self._most = {at: one.max_series for at, one in rules.items() if one.max_series is not None}
        self._selector = {at: _digest(rules[at].match.model_dump_json()) for at in self._most}
        self._admissions = admissions
        self._known: dict[str, tuple[bool, int]] = {}

    def admit(self, batch: Batch, now: int, counts: Counts) -> Batch:
        """Return the batch without series that are too many, whose samples are counted.

        Args:
            batch: Of one event.
            now: Unix milliseconds.
            counts: Raised by `too_many_series`.

        Raises:
            Unavailable: it cannot be known.
        """
        if not self._most:
            return batch
        asked = np.flatnonzero(np.isin(batch.rule, list(self._most))).tolist()
        self._ask(batch, asked, now)
        refused = [place for place in asked if not self._known[batch.keys[place][1]][0]]
        if not refused:
            return batch
        counts["too_many_series"] += int(np.isin(batch.row, refused).sum())
        out = set(refused)
        return batch.only([place for place in range(len(batch.keys)) if place not in out])

    def _ask(self, batch: Batch, places: list[int], now: int) -> None:
        if len(self._known) + len(places) > MOST_KNOWN:
            self._known.clear()
        wanted: dict[int, list[str]] = defaultdict(list)
        for place in places:
            key = batch.keys[place][1]
            if self._known.get(key, (False, 0))[1] <= now:
                wanted[int(batch.rule[place])].append(key)
        for rule, keys in wanted.items():
            answers = self._admissions.admit(self._selector[rule], self._most[rule], keys, now)
            for key, taken in zip(keys, answers, strict=True):
                self._known[key] = (taken, now + (CERTAIN_MS if taken else REFUSED_MS))


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()
