"""What is said about series instead of by them: models that are fitted, and verdicts of people."""

from collections import Counter
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import ClassVar

from aiops.adapters.cloudevent import read_fact
from aiops.changes import ChangeMarks
from aiops.clock import Clock
from aiops.errors import Rejected, Unavailable
from aiops.events import ChangeObserved, FeedbackGiven, ModelFitted
from aiops.ports import Counts, Event
from aiops.series import shard_of
from aiops.series_store import NONCE_BYTES, Mode, SeriesStore, Write
from aiops.topics import of_telemetry
from aiops.verdicts import Given, VerdictStore
from functions.detect.lines import lines_of
from functions.detect.revision import Revision

ROUNDS = 10
"""How often a record that others changed meanwhile is read again."""


@dataclass(frozen=True, slots=True)
class Control:
    """Handles events of the topic `control`, each once in effect however often it comes.

    A record is changed by the same comparison and write as by a sample. Where a series has none,
    one without state is made, so that whoever is about to make the first one reads again.

    Attributes:
        kinds: The kinds of records there are.
    """

    types: ClassVar[frozenset[str]] = frozenset(
        (ModelFitted.type, FeedbackGiven.type, ChangeObserved.type)
    )

    store: SeriesStore
    verdicts: VerdictStore
    changes: ChangeMarks
    clock: Clock
    kinds: Container[int]

    def __call__(self, event: Event) -> Counts:
        """Handle one event of one of `types`.

        Raises:
            Rejected: its data is wrong, or it came by a topic that others write to.
            Unavailable: state could not be stored.
        """
        if of_telemetry(event):
            raise Rejected(f"type: {event.type} is not taken from a topic of telemetry")
        if event.type == ModelFitted.type:
            return self._fitted(read_fact(event, ModelFitted))
        if event.type == ChangeObserved.type:
            change = read_fact(event, ChangeObserved)
            self.changes.note(change.service, change.observed_at)
            return Counter(changes=1)
        return self._feedback(read_fact(event, FeedbackGiven))

    def _fitted(self, fact: ModelFitted) -> Counts:
        """Let a series be scored with a model, unless it has a later one or gave it up."""
        taken = self._revise(fact.series, lambda record: record.adopt(fact.made_at))
        return Counter(models_taken=1) if taken else Counter(models_known=1)

    def _feedback(self, fact: FeedbackGiven) -> Counts:
        """Keep a verdict, then make the lines what all verdicts on the series come to.

        The record is read before the verdicts are: who adds one meanwhile changes the record.
        """
        place = (shard_of(fact.series), fact.series)
        self.verdicts.add(*place, given_of(fact))

        def judge_anew(record: Revision) -> None:
            (given,) = self.verdicts.read([place])
            record.follow(lines_of(given))

        moved = self._revise(fact.series, judge_anew)
        return Counter(verdicts=1) if moved else Counter(verdicts_known=1)

    def _revise(self, series: str, change: Callable[[Revision], None]) -> bool:
        """Change the record of a series; return whether there was anything to change."""
        shard = shard_of(series)
        for _ in range(ROUNDS):
            (stored,) = self.store.load([(shard, series)], (), 0).records
            record = Revision(stored, self.kinds)
            change(record)
            if not record.changed:
                return False
            expected = b"" if stored is None else stored[:NONCE_BYTES]
            write = Write(shard, series, expected, record.packed(), Mode.WHOLE)
            if not self.store.commit([write], self.clock.now()):
                return True
        raise Unavailable("series: changed by others again and again")


def given_of(fact: FeedbackGiven) -> Given:
    """Return a verdict as it is kept."""
    return Given(
        fact.anomaly, fact.verdict, fact.time, fact.detector, fact.evidence, fact.given_by,
        fact.given_at,
    )  # fmt: skip
