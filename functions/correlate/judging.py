"""What is made of an incident before it is told: suspects, severity, status, people's time."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from aiops.events import ChangeObserved, Suspect
from aiops.incident_store import IncidentStore, Record, View
from aiops.silences import Silence
from functions.correlate import incident
from functions.correlate.atlas import Atlas
from functions.correlate.confidence import Confidence
from functions.correlate.config import CorrelateConfig
from functions.correlate.domain import MEMORY
from functions.correlate.fingerprint import Archive
from functions.correlate.grading import Severity
from functions.correlate.ranking import Case, Ranker, affordable
from functions.correlate.recent import NO_CHANGES, Changes
from functions.correlate.silencing import silences_of

ALL_TIME = 1 << 62

LISTED_RADIUS = 100
"""Services an incident lists as affected: those with most at stake, or the nearest."""


def ranked(case: Case, ranker: Ranker) -> tuple[Suspect, ...]:
    """Return the suspects of a case, ranked within the budget; the first says what was left out."""
    known = affordable(case)
    suspects = ranker.rank(known)
    if len(known.evidence) == len(case.evidence) or not suspects:
        return suspects
    words = f"ranked by the strongest {len(known.evidence)} of {len(case.evidence)} series"
    first = suspects[0].model_copy(update={"reasons": (*suspects[0].reasons, words)})
    return (first, *suspects[1:])


def assessed(
    record: Record, case: Case, ranker: Ranker, severity: Severity, confidence: Confidence
) -> Record:
    """Return the record with its suspects, whom they may affect, and how bad that is."""
    suspects = confidence.told(ranked(case, ranker))
    reach: tuple[str, ...] = ()
    affected: tuple[str, ...] = ()
    if suspects:
        reach = case.topology.blast_radius(suspects[0].service)
        affected = (suspects[0].service, *reach)
    grade = severity.grade(case, affected)
    return record.model_copy(
        update={
            "root_cause": suspects,
            "blast_radius": reach[:LISTED_RADIUS],
            "severity": grade.severity,
            "severity_reasons": grade.reasons,
        }
    )


def told(record: Record, now: int) -> Record:
    """Return the record, its suspects frozen for people when their time has come."""
    if record.notify_from is None or record.notify_from > now:
        return record
    return record.model_copy(
        update={
            "notify_from": None,
            "notified_at": now,
            "root_cause_at_notification": record.root_cause,
        }
    )


@dataclass(slots=True)
class Judge:
    """Judges incidents by what the domain knows at a time.

    Changes and verdicts are read again only where some were added. Threads share a judge, so what
    it remembers is replaced as a whole.
    """

    store: IncidentStore
    ranker: Ranker
    severity: Severity
    atlas: Atlas
    config: CorrelateConfig
    _changes: tuple[int, Changes] = field(default=(0, NO_CHANGES))
    _taught: tuple[int, Confidence] = field(default=(0, Confidence.of((), "")))
    _silences: tuple[int, tuple[Silence, ...]] = field(default=(0, ()))
    _past: tuple[int, Archive] = field(default=(0, Archive(())))

    def judge(self, record: Record, view: View, now: int) -> Record:
        """Return the record as it is to be told: suspects, severity, and the status of both.

        Args:
            record: What is known of it.
            view: The domain it was decided on.
            now: The time by which people are to be told.
        """
        if record.status == "merged":
            return record
        case, confidence = self._case(record, view), self._confidence(view)
        found = assessed(record, case, self.ranker, self.severity, confidence)
        settled = self._silenced(incident.settle(found, view.processed_until, self.config), view)
        after = told(settled, now)
        if after is settled:
            return after
        return after.model_copy(update={"similar": self._archive(view).like(after)})

    def _silenced(self, record: Record, view: View) -> Record:
        """Return the record with the silences that cover it; those read again if any changed."""
        revision, silences = self._silences
        if revision != view.silenced:
            silences = self.store.silences()
            self._silences = (view.silenced, silences)
        maintenance = self.config.maintenance
        changes = self.changes(view).observed if maintenance else ()
        found = silences_of(record, silences, changes, maintenance)
        return record if found == record.silences else record.model_copy(update={"silences": found})

    def _archive(self, view: View) -> Archive:
        """Return the incidents of the past, read again only where that has changed."""
        revision, archive = self._past
        if revision != view.remembered:
            archive = Archive(self.store.past())
            self._past = (view.remembered, archive)
        return archive

    def _case(self, record: Record, view: View) -> Case:
        # Older ones may be forgotten any time.
        oldest = record.opened_at - self.config.change_window * 1000
        since = max(oldest, view.watermark - MEMORY)
        changes = [c for c in self.changes(view).observed if since <= c.observed_at <= record.last]
        topology = self.atlas.surveyed(view, record.last)
        return Case(record.evidence, topology, tuple(changes))

    def _confidence(self, view: View) -> Confidence:
        """Return what the verdicts as of a view teach."""
        judged, confidence = self._taught
        if judged != view.judged:
            confidence = Confidence.of(self.store.causes(), self.config.ranker)
            self._taught = (view.judged, confidence)
        return confidence

    def changes(self, view: View) -> Changes:
        """Return all changes as of a view."""
        changed, known = self._changes
        if changed != view.changed:
            known = self.with_changes(self.store.changes(0, ALL_TIME))
            self._changes = (view.changed, known)
        return known

    def with_changes(self, observed: Iterable[ChangeObserved]) -> Changes:
        """Return changes as links look at them."""
        reach, bucket = self.config.change_reach * 1000, self.config.bucket * 1000
        return Changes(observed, reach, bucket)
