"""Runs where they are kept, in the records of their incidents: changed, judged, and told of.

A change of a run and the messages it leads to are one change of the record.
"""

from collections.abc import Callable
from dataclasses import dataclass

from aiops.action_log import ActionLog, ActionRecord
from aiops.clock import Clock
from aiops.events import RunJudged
from aiops.runs import Run
from functions.act.changes import change
from functions.act.runbooks import life
from functions.act.runbooks.telling import BREAKER_LEVEL, News, Readers, told, with_news


@dataclass(slots=True)
class Keeper:
    """Changes runs.

    Attributes:
        log: Where the records of incidents are.
        readers: Who is told.
        clock: The pipeline's time.
    """

    log: ActionLog
    readers: Readers
    clock: Clock

    def alter(self, run: Run, alter: Callable[[Run], Run]) -> Run:
        """Change a run, tell people what is new, and return it as it stands."""
        now = self.clock.now()

        def altered(record: ActionRecord) -> ActionRecord:
            found = record.run(run.id)
            after = alter(found) if found is not None else None
            if after is None or after == found:
                return record
            return told(record, _with(record, after), self.readers, now)

        return change(self.log, run.incident, altered).run(run.id) or run

    def judge(self, word: RunJudged, consent: Callable[[str], life.Consent | None]) -> bool:
        """Take somebody's word on a run; return whether it changed anything.

        Args:
            word: What was said.
            consent: How people's word on a runbook counts; None for one that there is not.
        """
        now = self.clock.now()
        heard = [False]

        def listen(record: ActionRecord) -> ActionRecord:
            run = record.run(word.run)
            counts = consent(run.runbook) if run is not None else None
            after = run if run is None or counts is None else life.judged(run, word, counts, now)
            heard[:] = [after is not run]
            if run is None or after is None or after is run:
                return record
            return told(record, _with(record, after), self.readers, now)

        change(self.log, word.incident, listen)
        return heard[0]

    def settled(self, run: Run, opened: str) -> None:
        """Note that a run's end is settled, and tell that it opened a breaker, if it did."""
        now = self.clock.now()

        def note(record: ActionRecord) -> ActionRecord:
            found = record.run(run.id)
            if found is None or found.settled:
                return record
            settled = found.model_copy(update={"settled": True})
            noted = _with(record, settled)
            if not opened:
                return noted
            news = News("run_failed", BREAKER_LEVEL + run.number, opened)
            return with_news(noted, settled, news, self.readers, now)

        change(self.log, run.incident, note)


def _with(record: ActionRecord, run: Run) -> ActionRecord:
    runs = tuple(run if one.id == run.id else one for one in record.runs)
    return record.model_copy(update={"runs": runs})
