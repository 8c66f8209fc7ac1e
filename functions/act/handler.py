"""Incidents in, messages out: each step once in effect, whatever dies in between.

The plan is durable before the first message is sent; from then on the event is done, and what could
not be sent stays due for the clock.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiops import topics
from aiops.action_log import FINAL, SLOTS, ActionLog, ActionRecord, Step, slot_of
from aiops.adapters.cloudevent import read_fact
from aiops.clock import Clock
from aiops.errors import AiopsError, Rejected, Unavailable
from aiops.events import INCIDENT_TYPES, ActionFinished, Incident, RunJudged, WorkDue
from aiops.ids import derive
from aiops.ports import Counts, Event, Message, Publisher
from functions.act import policy, steps
from functions.act.changes import change
from functions.act.config import ActConfig
from functions.act.desks import Desks
from functions.act.performer import REQUEST_SECONDS, Budget, Performer
from functions.act.routing import routing
from functions.act.runbooks import announcing
from functions.act.runbooks.proposing import consider
from functions.act.runbooks.runner import Runner
from functions.act.runbooks.telling import told

PUBLISH_SECONDS = 12.0
"""What publishing takes at most."""

DRAIN_LIMIT = 256
"""How many incidents of a slot are looked at in one request."""


@dataclass(slots=True)
class ActHandler:
    """Handles events of the topic `incidents`, and the clock's."""

    log: ActionLog
    performer: Performer
    publisher: Publisher
    clock: Clock
    config: ActConfig
    runner: Runner | None = None
    desks: Desks = field(init=False)

    def __post_init__(self) -> None:
        """Open the desks, and let what goes into digests be told through them."""
        self.desks = Desks(self.log, self.config, self.performer.off, self.clock)
        self.performer.digests = self.desks
        if self.runner is not None:
            self.runner.storm = self._storm

    def __call__(self, event: Event) -> Counts:
        """Handle one event.

        Raises:
            Rejected: it is no event for this function, or its data is wrong.
            Unavailable: the plan could not be stored, or what is due could not be read.
        """
        budget = Budget(self.performer.timer)
        if event.type in INCIDENT_TYPES:
            incident = read_fact(event, Incident)
            counts = self._plan(incident)
            counts += self._work(incident.id, budget)
            return counts + self._drain([slot_of(incident.id)], budget, but=incident.id)
        if event.type == WorkDue.type:
            return self._tick(event, budget)
        if event.type == RunJudged.type:
            return self._judge(read_fact(event, RunJudged), budget)
        raise Rejected(f"type: act takes no {event.type[:200]!r}")

    def _judge(self, word: RunJudged, budget: Budget) -> Counts:
        """Take somebody's word on a run, and go on with it."""
        counts = self.runner.judge(word) if self.runner else Counter(not_awaited=1)
        return counts + self._work(word.incident, budget) if counts["judged"] else counts

    def _plan(self, incident: Incident) -> Counts:
        """Enter what a snapshot leads to, unless one at least as new was entered before."""
        now = self.clock.now()
        counts: Counts = Counter()

        def enter(record: ActionRecord) -> ActionRecord:
            counts.clear()
            if incident.version <= record.version:
                counts["stale"] = 1
                return record
            plan = self._decided(incident, record, now)
            counts.update(
                planned=len(plan.steps), dropped=len(plan.dropped), withheld=len(plan.withheld)
            )
            return self._with_runs(record, policy.accept(record, incident, plan, now), incident)

        change(self.log, incident.id, enter, incident)
        return counts

    def _decided(self, incident: Incident, record: ActionRecord, now: int) -> policy.Plan:
        """Return the plan for a snapshot, the desks asked where somebody hears of it first."""
        off = self.performer.off
        plan = policy.plan(incident, record.steps, self.config, off, now)
        shared = self.desks.shared(incident, plan.asks, now)
        if shared == policy.ALONE:
            return plan
        return policy.plan(incident, record.steps, self.config, off, now, shared)

    def _with_runs(
        self, before: ActionRecord, after: ActionRecord, incident: Incident
    ) -> ActionRecord:
        """Return the record with what a snapshot means to runbooks, and whom that is told."""
        if self.runner is None:
            return after
        now = self.clock.now()
        taken = routing(incident, self.config.routes).taken
        receivers = None if taken is None else tuple(sorted(taken))
        considered = consider(after, incident, self.runner.shelf, receivers, now)
        return told(before, considered, self.runner.readers, now)

    def _storm(self, domain: str, now: int) -> str:
        """Return why no runbook starts by itself now; empty where one may."""
        return "a storm goes on" if self.desks.storm_until(domain) > now else ""

    def _reconsider(self, record: ActionRecord) -> ActionRecord:
        """Return the record as of now: silent while it is to be, planned anew once it is over."""
        now = self.clock.now()
        if record.desk is not None:
            return self.desks.reconsider(record)
        again = record.again_at is not None and record.again_at <= now
        if record.silent_until > now or not (again or record.silences):
            return record

        def look_again(found: ActionRecord) -> ActionRecord:
            silent = policy.hushed(found, now)
            again = found.again_at is not None and found.again_at <= now
            if silent.silent_until or not (found.reconsidered or again):
                return silent
            snapshot = self.log.snapshot(found.incident, found.version)
            if snapshot is None:
                return silent.model_copy(update={"reconsidered": False, "again_at": None})
            after = policy.accept(found, snapshot, self._decided(snapshot, found, now), now)
            return self._with_runs(found, after, snapshot)

        return change(self.log, record.incident, look_again)

    def _tick(self, event: Event, budget: Budget) -> Counts:
        due = read_fact(event, WorkDue)
        if due.stage != "act":
            raise Rejected(f"stage: act does no work of {due.stage!r}")
        return self._drain(range(SLOTS), budget)

    def _drain(self, slots: Sequence[int], budget: Budget, but: str = "") -> Counts:
        """Do what is due in some slots, the oldest first, all but one incident done already."""
        counts: Counts = Counter()
        bugs: list[Exception] = []
        for incident in self.log.due(slots, self.clock.now(), DRAIN_LIMIT):
            if not budget.allows(incident, 0.0, REQUEST_SECONDS):
                break
            if incident == but:
                continue
            try:
                counts += self._work(incident, budget)
            except AiopsError:
                raise
            except Exception as bug:  # noqa: BLE001 - raised below, once the others had their turn
                bugs.append(bug)
        if bugs:
            raise ExceptionGroup("incidents that cannot be worked on", bugs)
        return counts

    def _work(self, incident: str, budget: Budget) -> Counts:
        """Send what is due about an incident and publish what has ended."""
        record = self.log.read(incident)
        if record is None:
            self.log.discard(incident)
            return Counter()
        record = self._reconsider(record)
        counts = self.performer.perform(record, budget)
        runs = self.runner.work(incident, budget) if self.runner and record.runs else Counter()
        if counts is None and not runs:
            return self._announce(record, budget)
        total: Counts = Counter(runs) + (counts or Counter())
        after = self.log.read(incident)
        if after is not None and runs:
            total += self.performer.perform(after, budget) or Counter()
            after = self.log.read(incident)
        return total + (self._announce(after, budget) if after else Counter())

    def _announce(self, record: ActionRecord, budget: Budget) -> Counts:
        """Publish the ends of steps; a repeat carries the same ids.

        What the broker does not take now, or in time, stays due, so the event that led here is
        done all the same.
        """
        ended = [step for step in record.steps if step.state in FINAL and not step.announced]
        runs, changes = announcing.unannounced(record), announcing.messages_of(record)
        if not (ended or runs) or not budget.allows(
            topics.ACTIONS, PUBLISH_SECONDS, REQUEST_SECONDS
        ):
            return Counter()
        try:
            self.publisher.publish([*map(_message, ended), *changes])
        except Unavailable:
            budget.resting.add(topics.ACTIONS)
            return Counter(unannounced=len(ended) + len(changes))
        names = frozenset(step.id for step in ended)

        def note(found: ActionRecord) -> ActionRecord:
            return announcing.announced(steps.announced(found, names), runs)

        change(self.log, record.incident, note)
        return Counter(announced=len(ended) + len(changes))


def _message(step: Step) -> Message:
    finished_at = step.finished_at or 0
    fact = ActionFinished.model_validate(
        {
            "step": step.id,
            "incident": step.incident,
            "channel": step.channel,
            "kind": step.kind,
            "outcome": step.state,
            "reason": f"{step.reason}; {step.result}" if step.result else step.reason,
            "finished_at": finished_at,
        }
    )
    return Message(
        topics.ACTIONS,
        step.incident,
        Event(
            id=derive("action.finished", step.id),
            source="/aiops/act",
            type=ActionFinished.type,
            time=finished_at,
            data=fact.model_dump_json().encode(),
            subject=step.incident,
            extensions={"correlationid": step.incident},
        ),
    )
