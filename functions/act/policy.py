"""What is to be said about an incident, to whom, and why: a pure decision.

Given a snapshot, the steps already taken and the configuration, `plan` returns the steps to add,
those to drop, and what was left out with the reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiops.action_log import ENDINGS, RUN_NEWS, ActionRecord, Kind, Step, Withheld, step_id
from aiops.adapters.cloudevent import iso
from aiops.events import Incident, Silenced
from aiops.silences import ended_in_silence, silenced_at
from functions.act.config import ActConfig, ChannelRule

OPENINGS: frozenset[Kind] = frozenset(("opened", "reopened"))


@dataclass(frozen=True, slots=True)
class Plan:
    """What a snapshot leads to.

    Attributes:
        steps: New steps, channel by channel, each channel's in the order they are to be sent.
        dropped: Ids of planned steps that are no longer wanted.
        withheld: What was left out, and why.
        silent: Whether that was so because nobody is to be told for a while.
    """

    steps: tuple[Step, ...] = ()
    dropped: frozenset[str] = frozenset()
    withheld: tuple[Withheld, ...] = ()
    silent: bool = False


@dataclass(frozen=True, slots=True)
class _Wish:
    """A message a channel would be told.

    Attributes:
        against: Why it is left out all the same; empty where it is not.
    """

    kind: Kind
    reason: str
    level: int = 0
    against: str = ""


def plan(
    incident: Incident,
    taken: Sequence[Step],
    config: ActConfig,
    off: Mapping[str, str],
    now: int,
) -> Plan:
    """Return what a snapshot newer than any seen before leads to.

    Args:
        incident: The snapshot.
        taken: The steps planned so far for the incident, in their order.
        config: Who is told what.
        off: Channels that cannot be used, and why.
        now: Unix milliseconds.
    """
    steps: list[Step] = []
    withheld: list[Withheld] = []
    silent = False
    dropped = _no_longer_wanted(incident, taken)
    silence = silenced_at(incident, now)
    for rule in config.channels:
        said = [
            step
            for step in taken
            if step.channel == rule.channel
            and step.state != "dropped"
            and step.kind not in RUN_NEWS
            and step.id not in dropped
        ]
        for wish in _wishes(incident, said, rule, config.max_cause_changes):
            against = wish.against or _refusal(wish, rule, off)
            if not against and silence is not None:
                silent = True
                against = f"silenced {_of(silence)}"
            if against:
                withheld.append(Withheld(channel=rule.channel, kind=wish.kind, reason=against))
            else:
                steps.append(_step(incident, rule.channel, wish, now))
    return Plan(tuple(steps), dropped, tuple(withheld), silent)


def _no_longer_wanted(incident: Incident, taken: Sequence[Step]) -> frozenset[str]:
    """Return what was planned for an incident that another took over, and never tried."""
    if incident.status != "merged":
        return frozenset()
    return frozenset(s.id for s in taken if s.state == "planned" and s.attempts == 0)


def _refusal(wish: _Wish, rule: ChannelRule, off: Mapping[str, str]) -> str:
    if wish.kind not in rule.tell:
        return f"the policy does not tell {rule.channel} of this"
    if rule.channel in off:
        return f"{rule.channel} is off: {off[rule.channel]}"
    return ""


def _wishes(
    incident: Incident, said: Sequence[Step], rule: ChannelRule, max_cause_changes: int
) -> list[_Wish]:
    told = [step for step in said if step.generation == incident.generation]
    if incident.notified_at is None:
        return [_Wish("opened", "", against="not worth telling yet")]
    if incident.status in {"resolved", "merged"}:
        return _ending(incident, said, told, rule)
    if not told:
        return _opening(incident, rule)
    if told[-1].kind in ENDINGS:
        against = "it ended in this generation, and only a new one opens it again"
        return [_Wish("reopened", "", against=against)]
    return _news(incident, told, rule, max_cause_changes) + _acknowledged(incident, told)


def _opening(incident: Incident, rule: ChannelRule) -> list[_Wish]:
    kind: Kind = "opened" if incident.generation == 1 else "reopened"
    if incident.flapping and "flapping" in rule.tell:
        kind = "flapping"
    against = _too_mild(incident, rule)
    if against:
        return [_Wish(kind, "", against=against)]
    reasons: dict[Kind, str] = {
        "opened": f"first told at severity {incident.severity}",
        "reopened": f"it came back, at severity {incident.severity}",
        "flapping": f"it comes and goes, at severity {incident.severity}",
    }
    return [_Wish(kind, reasons[kind]), *_acknowledged(incident, ())]


def _news(
    incident: Incident, told: Sequence[Step], rule: ChannelRule, max_cause_changes: int
) -> list[_Wish]:
    """Return the one most telling difference from what was told in this generation."""
    before = max(step.severity for step in told)
    reached = [level for level in rule.raised_at if before < level <= incident.severity]
    if reached:
        reason = f"severity rose from {before} to {incident.severity}"
        return [_Wish("severity_raised", reason, level=max(reached))]
    if incident.flapping and not any(step.kind == "flapping" for step in told):
        return [_Wish("flapping", "it comes and goes; its end is told once it was calm for long")]
    cause, known = top_suspect(incident), told[-1].cause
    if cause is None or cause == known:
        return []
    changes = sum(step.kind == "cause_changed" for step in told)
    reason = f"root cause is now {cause}" + (f", no longer {known}" if known else "")
    limit = f"told of {changes} other root causes already" if changes >= max_cause_changes else ""
    return [_Wish("cause_changed", reason, level=changes + 1, against=limit)]


def _acknowledged(incident: Incident, told: Sequence[Step]) -> list[_Wish]:
    if incident.status != "acknowledged" or any(step.kind == "acknowledged" for step in told):
        return []
    return [_Wish("acknowledged", "someone took it on")]


def _ending(
    incident: Incident, said: Sequence[Step], told: Sequence[Step], rule: ChannelRule
) -> list[_Wish]:
    kind: Kind = "merged" if incident.status == "merged" else "resolved"
    reason = f"it is part of {incident.merged_into}" if kind == "merged" else "it is over"
    if said and said[-1].kind not in ENDINGS:
        return [_Wish(kind, reason)]
    if told:
        return []
    silence = ended_in_silence(incident)
    if silence is not None:
        return [_Wish(kind, reason, against=f"it was over while it was silenced {_of(silence)}")]
    if kind == "merged":
        against = f"never told {rule.channel} of it"
    elif not rule.tell_of_ended:
        against = f"over before {rule.channel} was told of it"
    else:
        against = _too_mild(incident, rule)
    return [_Wish(kind, "it is over; it could not be told of before", against=against)]


def _of(silence: Silenced) -> str:
    why = f": {silence.reason}" if silence.reason else ""
    return f"by {silence.given_by} until {iso(silence.ends)}{why}"


def _too_mild(incident: Incident, rule: ChannelRule) -> str:
    if incident.severity >= rule.min_severity:
        return ""
    return f"severity {incident.severity} is below {rule.min_severity}"


def _step(incident: Incident, channel: str, wish: _Wish, now: int) -> Step:
    return Step(
        id=step_id(incident.id, incident.generation, channel, wish.kind, wish.level),
        incident=incident.id,
        generation=incident.generation,
        channel=channel,
        kind=wish.kind,
        level=wish.level,
        reason=wish.reason,
        version=incident.version,
        severity=incident.severity,
        cause=top_suspect(incident),
        survivor=incident.merged_into,
        planned_at=now,
        next_at=now,
    )


def top_suspect(incident: Incident) -> str | None:
    """Return the service that ranks first as the root cause, None where there is no suspect."""
    return incident.root_cause[0].service if incident.root_cause else None


def accept(record: ActionRecord, incident: Incident, decided: Plan, now: int) -> ActionRecord:
    """Return the record with a snapshot's version taken into account and its plan entered.

    Ended steps of generations before the last are forgotten, but for the last of each channel and
    those with a call still under way, so that a record stays small however often an incident comes
    back.
    """
    steps = tuple(
        step.model_copy(
            update={
                "state": "dropped",
                "finished_at": now,
                "result": f"part of {incident.merged_into}",
            }
        )
        if step.id in decided.dropped
        else step
        for step in record.steps
    )
    told = [step for step in record.steps if step.kind not in RUN_NEWS and step.state != "dropped"]
    last = {step.channel: step.id for step in told}
    needed = {*last.values(), *(attempt.step for attempt in record.attempts)}
    kept = tuple(
        step
        for step in steps
        if not step.announced or step.generation >= incident.generation - 1 or step.id in needed
    )
    after = record.model_copy(
        update={
            "version": incident.version,
            "steps": kept + decided.steps,
            "withheld": decided.withheld,
            "silences": tuple(sorted((one.starts, one.ends) for one in incident.silences)),
            "reconsidered": decided.silent,
        }
    )
    return hushed(after, now)


def hushed(record: ActionRecord, now: int) -> ActionRecord:
    """Return the record with the time until which nothing is sent, as of now."""
    until = record.silence_end(now)
    return record.model_copy(update={"silent_until": until if until > now else 0})
