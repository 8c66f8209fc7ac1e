"""A batch of samples and the records of their series in, new records and anomalies out. Pure."""

from collections.abc import Mapping, Sequence

import numpy as np

from aiops.verdicts import Given
from functions.detect.batch import Batch
from functions.detect.config import DetectConfig
from functions.detect.fitted import Fleet, Needed
from functions.detect.group import Group
from functions.detect.judge import Judge
from functions.detect.outcome import Known, Outcome
from functions.detect.side_by_side import judge

Place = tuple[int, str]
"""Shard and key of a series."""


class Scorer:
    """Scores batches by the rules of a configuration."""

    def __init__(self, config: DetectConfig, domain: str) -> None:
        rules = (*config.rules, config.default)
        self._judges = tuple(Judge.of(rule) for rule in rules)
        self._of_derived = tuple(
            Judge.of(rule, buckets=True) for rule in (rules if config.derives else ())
        )
        self._domain = domain

    @property
    def kinds(self) -> frozenset[int]:
        """Return the kinds of records it keeps."""
        return frozenset(judge.kind for judge in (*self._judges, *self._of_derived))

    def begin(self, batch: Batch, records: Sequence[bytes | None]) -> "Round":
        """Return a round of scoring a batch.

        Args:
            batch: The samples.
            records: What is stored of each of the batch's series.
        """
        groups = []
        special = np.zeros(len(batch.keys), dtype=bool)
        special[list(batch.derived)] = True
        for judges, wanted in ((self._judges, ~special), (self._of_derived, special)):
            for which in np.unique(batch.rule[wanted]):
                members = np.flatnonzero((batch.rule == which) & wanted)
                groups.append(Group(judges[which], self._domain, batch, members, records))
        return Round(batch, groups)

    def score(self, batch: Batch, records: Sequence[bytes | None]) -> Outcome:
        """Score every sample later than the last accepted one of its series, oldest first.

        No verdicts are taken into account that are not in the records, and no models.

        Args:
            batch: The samples.
            records: What is stored of each of the batch's series.
        """
        return self.begin(batch, records).run({}, (), {})


class Round:
    """A batch with the records of its series: what has to be known besides, then the outcome.

    Attributes:
        made_anew: Series whose record says nothing of the verdicts on them, which have to be read.
        needed: Models to score with, of some of the series each.
        services: Whose changes matter.
    """

    def __init__(self, batch: Batch, groups: Sequence[Group]) -> None:
        self._batch, self._groups = batch, groups
        self.made_anew: list[Place] = [place for group in groups for place in group.made_anew()]
        needed = [(group, group.needed()) for group in groups]
        self.needed: list[Needed] = [one for _, one in needed if one is not None]
        self.services = {name for group in groups for name in group.services()}
        self._modelled = [group for group, one in needed if one is not None]

    def run(
        self,
        verdicts: Mapping[Place, Sequence[Given]],
        fleets: Sequence[Fleet],
        changes: Mapping[str, int],
    ) -> Outcome:
        """Score every sample later than the last accepted one of its series, oldest first.

        Args:
            verdicts: On series made anew, where there are any.
            fleets: Those models, in the order of `needed`; nothing where none are at hand.
            changes: When services were last changed, unix milliseconds.
        """
        outcome = Outcome()
        rank = self._batch.rank
        models = dict(zip(map(id, self._modelled), fleets, strict=False))
        for group in self._groups:
            group.begin(Known(verdicts, models.get(id(group)), changes), outcome)
        for turn in range(int(rank.max(initial=-1)) + 1):
            taken = [(group, group.take(rank == turn)) for group in self._groups]
            judge([(group, step) for group, step in taken if step is not None])
        for group in self._groups:
            group.end()
        return outcome
