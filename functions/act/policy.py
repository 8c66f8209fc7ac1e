"""What is to be said about an incident, to whom, and why: a pure decision.

Given a snapshot, the steps already taken, the configuration, the time and what the desks answered,
`plan` returns the steps to add, those to drop, what was left out with the reason, and when to look
again though nothing new comes.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from aiops.action_log import ENDINGS, RUN_NEWS, ActionRecord, Kind, Step, Withheld, step_id
from aiops.adapters.cloudevent import iso
from aiops.events import Incident, Silenced
from aiops.silences import silenced_at
from functions.act.config import ActConfig
from functions.act.routing import Routing, routing
from functions.act.wishes import Case, Wish, done_there, of, repeats, top_suspect, wishes

OPENINGS: frozenset[Kind] = frozenset(("opened", "reopened"))
SUPERSEDED: frozenset[Kind] = frozenset(("repeated", "grown"))
"""What nobody needs to hear any more once there is something newer."""

FOR_BOTH = ENDINGS | {"acknowledged"}
"""What both a receiver and its digest are told, where an incident got too severe for the digest."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What is known across incidents, asked once for each incident and generation.

    Attributes:
        grouped: Receiver → why this incident is told in its digest.
        storm: Why it counts as part of a storm; empty where it does not.
    """

    grouped: Mapping[str, str] = field(default_factory=dict)
    storm: str = ""


ALONE = Shared()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a snapshot leads to.

    Attributes:
        steps: New steps, channel by channel, each channel's in the order they are to be sent.
        dropped: Ids of planned steps that are no longer wanted.
        withheld: What was left out, and why.
        silent: Whether that was so because nobody is to be told for a while.
        again_at: When to decide again though nothing new came; None where only news can matter.
        asks: Receivers that are told of the incident for the first time in this generation.
    """

    steps: tuple[Step, ...] = ()
    dropped: frozenset[str] = frozenset()
    withheld: tuple[Withheld, ...] = ()
    silent: bool = False
    again_at: int | None = None
    asks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Ways:
    """What stands between wishes and receivers."""

    config: ActConfig
    off: Mapping[str, str]
    routing: Routing
    silence: Silenced | None
    shared: Shared


def plan(  # noqa: PLR0913, PLR0917 - all that a decision rests on
    incident: Incident,
    taken: Sequence[Step],
    config: ActConfig,
    off: Mapping[str, str],
    now: int,
    shared: Shared = ALONE,
) -> Plan:
    """Return what a snapshot leads to, if it is no older than any seen before.

    Args:
        incident: The snapshot.
        taken: The steps planned so far for the incident, in their order.
        config: Who is told what.
        off: Channels that cannot be used, and why.
        now: Unix milliseconds.
        shared: What is known across incidents; see `Plan.asks` for whom that matters.
    """
    dropped = _no_longer_wanted(incident, taken)
    ways = _Ways(config, off, routing(incident, config.routes), silenced_at(incident, now), shared)
    kinds = Counter(rule.channel for rule in config.channels)
    parts = []
    for rule in config.channels:
        known = [
            step for step in taken if step.channel == rule.receiver and step.kind not in RUN_NEWS
        ]
        said = [s for s in known if s.state != "dropped" and s.id not in dropped]
        levels = [
            step.level
            for step in known
            if step.kind == "repeated" and step.generation == incident.generation
        ]
        case = Case(
            incident, rule, tuple(said), max(levels, default=0), config.max_cause_changes, now,
            alone=kinds[rule.channel] == 1,
        )  # fmt: skip
        parts.append(_part(case, ways))
    return Plan(
        tuple(step for part in parts for step in part.steps),
        dropped.union(*(part.dropped for part in parts)),
        tuple(one for part in parts for one in part.withheld),
        any(part.silent for part in parts),
        min((part.again_at for part in parts if part.again_at is not None), default=None),
        tuple(name for part in parts for name in part.asks),
    )


def _part(case: Case, ways: _Ways) -> Plan:
    """Return what a snapshot leads to for one receiver."""
    found = _weighed(case, wishes(case), ways)
    if not found.steps:
        again = _weighed(case, repeats(case), ways)
        found = Plan(
            again.steps, frozenset(), found.withheld + again.withheld, found.silent or again.silent
        )
    superseded = [
        step.id
        for step in case.said
        if step.kind in SUPERSEDED and step.state == "planned" and step.attempts == 0
    ]
    return replace(
        found,
        dropped=frozenset(superseded if found.steps else ()),
        again_at=_again_at(case, found),
        asks=(case.rule.receiver,) if found.steps and not case.begun else (),
    )


def _weighed(case: Case, wanted: Sequence[Wish], ways: _Ways) -> Plan:
    """Return which wishes become steps, and what keeps the others from it."""
    steps: list[Step] = []
    withheld: list[Withheld] = []
    silent = False
    for wish in wanted:
        against, until = _refusal(case, wish, ways)
        if not against and ways.silence is not None:
            silent, against = True, f"silenced {of(ways.silence)}"
        if not against:
            against, until = _quiet(case, wish, ways)
        if against:
            channel = case.rule.receiver
            withheld.append(Withheld(channel=channel, kind=wish.kind, reason=against, until=until))
        else:
            steps += _steps(case, wish, ways)
    return Plan(tuple(steps), frozenset(), tuple(withheld), silent)


def _no_longer_wanted(incident: Incident, taken: Sequence[Step]) -> frozenset[str]:
    """Return what was planned for an incident that another took over, and never tried."""
    if incident.status != "merged":
        return frozenset()
    return frozenset(s.id for s in taken if s.state == "planned" and s.attempts == 0)


def _refusal(case: Case, wish: Wish, ways: _Ways) -> tuple[str, int | None]:
    if wish.against:
        return wish.against, wish.until
    receiver = case.rule.receiver
    if wish.kind not in case.rule.tell:
        return f"the policy does not tell {receiver} of this", None
    if receiver in ways.off:
        return f"{receiver} is off: {ways.off[receiver]}", None
    return ("" if case.begun else ways.routing.against(receiver)), None


def _quiet(case: Case, wish: Wish, ways: _Ways) -> tuple[str, int | None]:
    """Return why a message waits for the end of quiet hours, and until when."""
    quiet = case.rule.quiet_hours
    if case.begun and wish.kind in FOR_BOTH:
        return "", None
    until = _quiet_until(case)
    if quiet is None or until is None or (quiet.summarise and not case.begun):
        return "", None
    if case.begun and not _singly(case, wish, ways):
        return "", None
    return f"quiet hours until {iso(until)}, and severity is below {quiet.below}", until


def _quiet_until(case: Case) -> int | None:
    quiet = case.rule.quiet_hours
    if quiet is None or case.incident.severity >= quiet.below:
        return None
    return quiet.end(case.now)


def _steps(case: Case, wish: Wish, ways: _Ways) -> list[Step]:
    """Return the message, the entry in the digest, or both."""
    if not case.begun:
        return [_step(case, wish, ways, _grouped(case, ways))]
    if _singly(case, wish, ways):
        digested = any(step.digest for step in case.told)
        both = digested and wish.kind in FOR_BOTH
        entry = Wish(wish.kind, wish.reason, wish.level + 1)
        entries = [_step(case, entry, ways, "it is in the digest, too")] if both else []
        return [*entries, _step(case, wish, ways, "")]
    return [_step(case, wish, ways, "told in the digest before")]


def _singly(case: Case, wish: Wish, ways: _Ways) -> bool:
    """Return whether what goes on is told in messages of its own from here on."""
    latest = [step for step in case.said if step.generation == case.said[-1].generation]
    if any(not step.digest for step in latest):
        return True
    rule, storm = case.rule, ways.config.storm
    levels = [rule.singly_from]
    levels += [rule.quiet_hours.below] if rule.quiet_hours else []
    levels += [storm.below] if storm else []
    return wish.kind == "severity_raised" and case.incident.severity >= min(levels)


def _grouped(case: Case, ways: _Ways) -> str:
    """Return why an incident's first message goes into the digest; empty where it does not."""
    severity, storm = case.incident.severity, ways.config.storm
    until = _quiet_until(case)
    if until is not None:
        return f"quiet hours until {iso(until)}, and severity is below what is told in them"
    if storm is not None and severity < storm.below and ways.shared.storm:
        return ways.shared.storm
    if case.rule.grouping is not None and severity < case.rule.singly_from:
        return ways.shared.grouped.get(case.rule.receiver, "")
    return ""


def _again_at(case: Case, found: Plan) -> int | None:
    times = [one.until for one in found.withheld if one.until is not None]
    after = replace(case, said=(*case.said, *found.steps)).repeat_at
    if after is not None and after > case.now:
        times.append(after)
    return min(times, default=None)


def _step(case: Case, wish: Wish, ways: _Ways, grouped: str) -> Step:
    incident, receiver = case.incident, case.rule.receiver
    ended: dict[str, Any] = {}
    if not grouped and done_there(case, wish):
        ended = {"state": "done", "result": "done there", "finished_at": case.now}
    return Step(
        id=step_id(incident.id, incident.generation, receiver, wish.kind, wish.level),
        incident=incident.id,
        generation=incident.generation,
        channel=receiver,
        kind=wish.kind,
        level=wish.level,
        reason=f"{wish.reason}; in the digest: {grouped}" if grouped else wish.reason,
        version=incident.version,
        severity=incident.severity,
        cause=top_suspect(incident),
        survivor=incident.merged_into,
        planned_at=case.now,
        next_at=case.now,
        digest=bool(grouped),
        route=ways.routing.route_to(receiver),
        **ended,
    )


def accept(record: ActionRecord, incident: Incident, decided: Plan, now: int) -> ActionRecord:
    """Return the record with a snapshot's version taken into account and its plan entered.

    Ended steps of generations before the last are forgotten, but for the last of each channel and
    those with a call still under way, so that a record stays small however often an incident comes
    back; so are repeats but for the last.
    """
    gone = f"part of {incident.merged_into}" if incident.merged_into else "there is newer to tell"
    steps = tuple(
        step.model_copy(update={"state": "dropped", "finished_at": now, "result": gone})
        if step.id in decided.dropped
        else step
        for step in record.steps
    )
    after = record.model_copy(
        update={
            "version": incident.version,
            "steps": _kept(record, steps, incident.generation) + decided.steps,
            "withheld": decided.withheld,
            "silences": tuple(sorted((one.starts, one.ends) for one in incident.silences)),
            "reconsidered": decided.silent,
            "considered_at": now,
            "again_at": decided.again_at,
        }
    )
    return hushed(after, now)


def _kept(record: ActionRecord, steps: tuple[Step, ...], generation: int) -> tuple[Step, ...]:
    """Return the steps that may still matter."""
    told = [step for step in record.steps if step.kind not in RUN_NEWS and step.state != "dropped"]
    needed = set({(step.channel, step.digest): step.id for step in told}.values())
    needed |= {attempt.step for attempt in record.attempts}
    last = {
        (step.channel, step.generation, step.kind): step.id
        for step in steps
        if step.kind in SUPERSEDED
    }
    needed |= set(last.values())
    return tuple(
        step
        for step in steps
        if not step.announced
        or step.id in needed
        or (step.generation >= generation - 1 and step.kind not in SUPERSEDED)
    )


def hushed(record: ActionRecord, now: int) -> ActionRecord:
    """Return the record with the time until which nothing is sent, as of now."""
    until = record.silence_end(now)
    return record.model_copy(update={"silent_until": until if until > now else 0})
