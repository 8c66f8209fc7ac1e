"""The desks of receivers: what is known across incidents, stored as records of their own.

A desk answers who is told singly, and takes into its digest who is not. Both are idempotent: an
incident asks as often as its events are delivered and keeps its first answer, and a step that
arrives again or late says nothing new. So the only thing shared between incidents is read before a
decision and never part of it being stored.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from aiops.action_log import ActionLog, ActionRecord
from aiops.clock import Clock
from aiops.digest import Admitted, Desk, desk_id, storm_id
from aiops.errors import Unavailable
from aiops.events import Incident
from functions.act import bursts, digest
from functions.act.answer import Answer
from functions.act.changes import ROUNDS
from functions.act.channel import Delivery, Http, Repeat
from functions.act.config import ActConfig, ChannelRule
from functions.act.digest import Told
from functions.act.policy import ALONE, Shared


@dataclass(slots=True)
class Desks:
    """Keeps the desks; to a performer it is the channel digests are told through.

    Attributes:
        off: Channels that cannot be used, and why.
    """

    needs: ClassVar[tuple[str, ...]] = ()
    takes: ClassVar[Mapping[str, str]] = {}
    repeat: ClassVar[Repeat] = "same_id"

    log: ActionLog
    config: ActConfig
    off: Mapping[str, str]
    clock: Clock

    def shared(self, incident: Incident, asks: Sequence[str], now: int) -> Shared:
        """Return what an incident is told across incidents, the same whenever it asks again.

        Args:
            incident: It is about to be told of for the first time in its generation.
            asks: Receivers it would be told to.
            now: Unix milliseconds.
        """
        rules = [r for r in self.config.channels if r.grouping and r.receiver in asks]
        if not asks or not (rules or self.config.storm):
            return ALONE
        key, guard = bursts.key_of(incident), self.config.storm
        storm = ""
        if guard is not None:
            name = storm_id(incident.domain)
            storm = self._asked(name, "", lambda d: bursts.count(d, key, now, guard))
        grouped = {}
        for rule in rules:
            grouped[rule.receiver] = self._admitted(rule, key, now)
        return Shared(grouped, storm)

    def storm_until(self, domain: str) -> int:
        """Return when the storm in a domain is over; in the past, or 0, where there is none."""
        record = self.log.read(storm_id(domain)) if self.config.storm else None
        return record.desk.storm_until if record is not None and record.desk is not None else 0

    def deliver(self, delivery: Delivery, http: Http) -> Answer:  # noqa: ARG002 - needs no call
        """Take an incident into the digest of a receiver."""
        step, now = delivery.step, self.clock.now()
        name = desk_id(step.channel)

        def taken(record: ActionRecord) -> Told:
            after = digest.join(record, step, delivery.incident, now)
            return Told(record) if after is record else self._advanced(after, now)

        self._change(name, taken)
        return Answer("done", f"in the digest {name}")

    def reconsider(self, record: ActionRecord) -> ActionRecord:
        """Return a desk's record with the messages that are due about its digest."""
        now = self.clock.now()
        if record.again_at is None or record.again_at > now:
            return record
        return self._change(record.incident, lambda found: self._advanced(found, now))

    def _advanced(self, record: ActionRecord, now: int) -> Told:
        receiver = record.desk.receiver if record.desk else ""
        rule = next((r for r in self.config.channels if r.receiver == receiver), None)
        if rule is None:
            return Told(record.model_copy(update={"again_at": None}))
        return digest.advance(record, rule, self.off, now)

    def _admitted(self, rule: ChannelRule, key: str, now: int) -> str:
        grouping = rule.grouping
        if grouping is None:
            return ""
        return self._asked(
            desk_id(rule.receiver), rule.receiver, lambda d: bursts.admit(d, key, now, grouping)
        )

    def _asked(self, name: str, receiver: str, ask: Callable[[Desk], tuple[Desk, Admitted]]) -> str:
        """Return the answer of a desk, once it is stored."""
        answers: list[str] = []

        def asked(record: ActionRecord) -> Told:
            before = record.desk or Desk(receiver=receiver)
            desk, given = ask(before)
            answers[:] = [given.grouped]
            return Told(record if desk is before else record.model_copy(update={"desk": desk}))

        self._change(name, asked)
        return answers[0]

    def _change(self, name: str, alter: Callable[[ActionRecord], Told]) -> ActionRecord:
        """Return a desk's record as it stands after a change.

        Raises:
            Unavailable: others were faster again and again.
        """
        for _ in range(ROUNDS):
            before = self.log.read(name) or ActionRecord(incident=name)
            told = alter(before)
            if told.record == before:
                return before
            if self.log.commit(told.record, told.snapshot):
                return told.record.model_copy(update={"revision": before.revision + 1})
        raise Unavailable("desks: changed by others again and again")
