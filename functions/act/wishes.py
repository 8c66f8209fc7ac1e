"""What one receiver would be told about an incident, were nothing in the way. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiops.action_log import ENDINGS, FINAL, Kind, Step
from aiops.adapters.cloudevent import iso
from aiops.events import Incident, Silenced
from aiops.silences import ended_in_silence
from functions.act import wording
from functions.act.config import ChannelRule

ANSWERED_THERE = frozenset(("pagerduty",))
"""Kinds of receivers where people acknowledge and resolve at the receiver itself."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A message a receiver would be told.

    Attributes:
        against: Why it is left out all the same; empty where it is not.
        until: When it is thought of again, where it is put off.
    """

    kind: Kind
    reason: str
    level: int = 0
    against: str = ""
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """An incident and one receiver of it.

    Attributes:
        said: The receiver's steps that were not dropped.
        levels: The highest level of a repeat in this generation, those dropped included.
        alone: Whether no other receiver is of its kind.
        now: Unix milliseconds.
    """

    incident: Incident
    rule: ChannelRule
    said: tuple[Step, ...]
    levels: int
    max_cause_changes: int
    now: int
    alone: bool = True

    @property
    def told(self) -> tuple[Step, ...]:
        """Its steps of this generation."""
        return tuple(s for s in self.said if s.generation == self.incident.generation)

    @property
    def begun(self) -> bool:
        """Whether it was told of something that goes on, as far as it knows."""
        return bool(self.said) and self.said[-1].kind not in ENDINGS

    @property
    def repeat_at(self) -> int | None:
        """When it is to be told again that it goes on; None for never."""
        every, told = self.rule.repeat_every, self.told
        if every is None or self.incident.status != "open" or not told:
            return None
        if told[-1].kind in ENDINGS or all(step.digest for step in told):
            return None
        return told[-1].planned_at + int(every * 1000)


def done_there(case: Case, wish: Wish) -> bool:
    """Return whether somebody did at the receiver itself what it would be told of.

    That nothing is on its way there any more is part of it: what arrived after the end would begin
    anew. Of several receivers of a kind nobody knows at which of them it was done.
    """
    by = {"acknowledged": case.incident.acknowledged_by, "resolved": case.incident.resolved_by}
    kind = case.rule.channel
    said = by.get(wish.kind, "").startswith(f"{kind}:")
    arrived = any(step.state == "done" and not step.digest for step in case.told)
    settled = all(step.state in FINAL for step in case.said)
    return kind in ANSWERED_THERE and said and case.alone and arrived and settled


def wishes(case: Case) -> list[Wish]:
    """Return what a receiver would be told."""
    incident, told = case.incident, case.told
    if incident.notified_at is None:
        return [Wish("opened", "", against="not worth telling yet")]
    if incident.status in {"resolved", "merged"}:
        return _ending(case)
    if not told:
        return _opening(incident, case.rule)
    if told[-1].kind in ENDINGS:
        against = "it ended in this generation, and only a new one opens it again"
        return [Wish("reopened", "", against=against)]
    return _news(case) + _acknowledged(incident, told)


def _opening(incident: Incident, rule: ChannelRule) -> list[Wish]:
    kind: Kind = "opened" if incident.generation == 1 else "reopened"
    if incident.flapping and "flapping" in rule.tell:
        kind = "flapping"
    against = _too_mild(incident, rule)
    if against:
        return [Wish(kind, "", against=against)]
    reasons: dict[Kind, str] = {
        "opened": f"first told at severity {incident.severity}",
        "reopened": f"it came back, at severity {incident.severity}",
        "flapping": f"it comes and goes, at severity {incident.severity}",
    }
    return [Wish(kind, reasons[kind]), *_acknowledged(incident, ())]


def _news(case: Case) -> list[Wish]:
    """Return the one most telling difference from what was told in this generation."""
    incident, told = case.incident, case.told
    before = max(step.severity for step in told)
    reached = [level for level in case.rule.raised_at if before < level <= incident.severity]
    if reached:
        reason = f"severity rose from {before} to {incident.severity}"
        return [Wish("severity_raised", reason, level=max(reached))]
    if incident.flapping and not any(step.kind == "flapping" for step in told):
        return [Wish("flapping", "it comes and goes; its end is told once it was calm for long")]
    cause, known = top_suspect(incident), told[-1].cause
    if cause is None or cause == known:
        return []
    changes = sum(step.kind == "cause_changed" for step in told)
    reason = f"root cause is now {cause}" + (f", no longer {known}" if known else "")
    enough = changes >= case.max_cause_changes
    limit = f"told of {changes} other root causes already" if enough else ""
    return [Wish("cause_changed", reason, level=changes + 1, against=limit)]


def _acknowledged(incident: Incident, told: Sequence[Step]) -> list[Wish]:
    if incident.status != "acknowledged" or any(step.kind == "acknowledged" for step in told):
        return []
    return [Wish("acknowledged", f"{wording.who(incident.acknowledged_by)} took it on")]


def repeats(case: Case) -> list[Wish]:
    """Return what a receiver would be told once more, where there is nothing new."""
    at = case.repeat_at
    if at is None or at > case.now:
        return []
    minutes = int((case.rule.repeat_every or 0) / 60)
    reason = f"open and unacknowledged, {minutes} min after it was last told"
    return [Wish("repeated", reason, level=case.levels + 1)]


def _ending(case: Case) -> list[Wish]:
    incident, rule = case.incident, case.rule
    kind: Kind = "merged" if incident.status == "merged" else "resolved"
    reason = f"it is part of {incident.merged_into}" if kind == "merged" else _over(incident)
    if case.begun:
        return [Wish(kind, reason)]
    if case.told:
        return []
    silence = ended_in_silence(incident)
    if silence is not None:
        return [Wish(kind, reason, against=f"it was over while it was silenced {of(silence)}")]
    if kind == "merged":
        against = f"never told {rule.receiver} of it"
    elif not rule.tell_of_ended:
        against = f"over before {rule.receiver} was told of it"
    else:
        against = _too_mild(incident, rule) or _slept_through(incident, rule)
    return [Wish(kind, "it is over; it could not be told of before", against=against)]


def _over(incident: Incident) -> str:
    by = incident.resolved_by
    return f"{wording.who(by)} said that it is over" if by else "it is over"


def _slept_through(incident: Incident, rule: ChannelRule) -> str:
    """Return whether it was over while only what is severe was told."""
    quiet = rule.quiet_hours
    if quiet is None or quiet.summarise or incident.severity >= quiet.below:
        return ""
    over = incident.resolved_at is not None and quiet.end(incident.resolved_at) is not None
    return "it was over before the quiet hours were" if over else ""


def _too_mild(incident: Incident, rule: ChannelRule) -> str:
    if incident.severity >= rule.min_severity:
        return ""
    return f"severity {incident.severity} is below {rule.min_severity}"


def of(silence: Silenced) -> str:
    """Return by whom something is silenced, until when and why."""
    why = f": {silence.reason}" if silence.reason else ""
    return f"by {silence.given_by} until {iso(silence.ends)}{why}"


def top_suspect(incident: Incident) -> str | None:
    """Return the service that ranks first as the root cause, None where there is no suspect."""
    return incident.root_cause[0].service if incident.root_cause else None
