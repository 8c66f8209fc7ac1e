"""Many incidents as one message: what a digest holds, and when it is told. Pure.

To its receiver a digest is an incident like any other, with the incidents it holds as evidence; the
policy decides when it is opened, told anew and ended.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from aiops.action_log import ENDINGS, ActionRecord, Step, Withheld, step_id
from aiops.digest import MOST_MEMBERS, Desk, Gone, Member
from aiops.events import Alert, Anomaly, Evidence, Incident
from functions.act import policy
from functions.act.bursts import REMEMBERED_MS
from functions.act.config import ActConfig, ChannelRule, Grouping
from functions.act.wording import DIGEST, SEVERITIES, cut

_TITLE = 200
_NAME = 100
_EVIDENCE = 50
_SHOWN_ID = 8


@dataclass(frozen=True, slots=True)
class Told:
    """A desk's record, with the snapshot its new steps speak of."""

    record: ActionRecord
    snapshot: Incident | None = None


def join(record: ActionRecord, step: Step, incident: Incident, now: int) -> ActionRecord:
    """Return a desk's record with what a step says of an incident; older word changes nothing."""
    desk = record.desk or Desk(receiver=step.channel)
    if _ended(record, desk):
        desk = _next(desk, now)
    if incident.version <= _heard(desk, incident.id):
        return record
    known = next((one for one in desk.members if one.incident == incident.id), None)
    member = _member(step, incident, known.joined_at if known else now)
    if known is not None:
        members = tuple(member if one is known else one for one in desk.members)
        return record.model_copy(update={"desk": desk.model_copy(update={"members": members})})
    since = now if desk.waiting_since is None else desk.waiting_since
    update = {
        "members": _bounded((*desk.members, member)),
        "joined": desk.joined + 1,
        "waiting_since": since,
    }
    return record.model_copy(update={"desk": desk.model_copy(update=update)})


def advance(record: ActionRecord, rule: ChannelRule, off: Mapping[str, str], now: int) -> Told:
    """Return a desk's record with the messages that are due about its digest."""
    desk = record.desk
    if desk is None or not desk.members or _ended(record, desk):
        return Told(record.model_copy(update={"again_at": None}))
    grouping = rule.grouping or Grouping()
    begun = _begun(record, desk)
    snapshot = snapshot_of(record, desk, now)
    waits = None if begun else _waits(desk, rule, grouping, snapshot.severity, now)
    if waits is not None:
        return Told(record.model_copy(update={"again_at": waits.until, "withheld": (waits,)}))
    as_one = _rule_of(rule, desk, grouping)
    decided = policy.plan(snapshot, record.steps, ActConfig(channels=(as_one,)), off, now)
    steps = tuple(_worded(step, desk) for step in decided.steps)
    after = policy.accept(record, snapshot, replace(decided, steps=steps), now)
    if steps:
        desk = desk.model_copy(update={"told": desk.joined, "waiting_since": None})
    elif snapshot.status == "resolved" and not begun and decided.again_at is None:
        desk = _next(desk, now)
    return Told(after.model_copy(update={"desk": desk}), snapshot)


def _waits(
    desk: Desk, rule: ChannelRule, grouping: Grouping, severity: int, now: int
) -> Withheld | None:
    """Return why a digest is not told yet, and until when; None where it may be."""
    due, why = (desk.waiting_since or 0) + int(grouping.wait * 1000), "waits for more to come"
    quiet = rule.quiet_hours
    if quiet is not None and severity < quiet.below:
        end = quiet.end(now) or 0
        due, why = max((due, why), (end, f"quiet hours, and severity is below {quiet.below}"))
    if due <= now:
        return None
    return Withheld(channel=rule.receiver, kind="opened", reason=why, until=due)


def snapshot_of(record: ActionRecord, desk: Desk, now: int) -> Incident:
    """Return a digest as an incident, what is open and severe first."""
    latest = reversed(desk.members)
    members = sorted(latest, key=lambda one: (one.over, -one.severity))
    going = [one for one in members if not one.over]
    counted = going or members
    news = desk.joined > desk.told
    seen_to = bool(going) and not news and all(one.status == "acknowledged" for one in going)
    services = tuple(dict.fromkeys(one.service for one in counted))
    return Incident(
        id=record.incident,
        domain=members[0].domain,
        version=record.revision + 1,
        generation=desk.number,
        status="acknowledged" if seen_to else "open" if going else "resolved",
        title=_title(len(counted), services, over=not going),
        severity=max(one.severity for one in counted),
        severity_reasons=(max(members, key=lambda one: one.joined_at).why,),
        opened_at=min(one.opened_at for one in members),
        updated_at=now,
        resolved_at=None if going else now,
        notified_at=min(one.joined_at for one in members),
        services=services[:_EVIDENCE],
        anomalies=sum(one.anomalies for one in counted),
        evidence=tuple(_evidence(one) for one in members[:_EVIDENCE]),
    )


def _rule_of(rule: ChannelRule, desk: Desk, grouping: Grouping) -> ChannelRule:
    """Return what the receiver is told of a digest as a whole; growth is told like a repeat."""
    every, tell = rule.repeat_every, set(rule.tell)
    quiet = rule.quiet_hours and rule.quiet_hours.model_copy(update={"summarise": False})
    if desk.joined > desk.told:
        every = min(grouping.every, rule.repeat_every or grouping.every)
        tell = tell | {"repeated"} if "grown" in tell else tell - {"repeated"}
    return rule.model_copy(
        update={
            "min_severity": 1,
            "tell": tuple(tell),
            "repeat_every": every,
            "grouping": None,
            "quiet_hours": quiet,
        }
    )


def _worded(step: Step, desk: Desk) -> Step:
    """Return a step that says what it is of a digest."""
    why = max(desk.members, key=lambda one: one.joined_at).why
    more = desk.joined - desk.told
    if step.kind == "reopened":
        said = f"{more} incidents in one message: {why}"
        return _renamed(step, "opened", 0, said)
    if step.kind == "opened":
        return step.model_copy(update={"reason": f"{more} incidents in one message: {why}"})
    if step.kind == "repeated" and more:
        return _renamed(step, "grown", desk.joined, f"{more} more incidents: {why}")
    return step


def _renamed(step: Step, kind: str, level: int, reason: str) -> Step:
    named = {"kind": kind, "level": level, "reason": reason}
    renamed = step.model_copy(update=named)
    identifier = step_id(step.incident, step.generation, step.channel, renamed.kind, level)
    return renamed.model_copy(update={"id": identifier})


def _heard(desk: Desk, incident: str) -> int:
    """Return the latest version the desk heard of an incident, -1 for none."""
    known = [one.version for one in desk.members if one.incident == incident]
    gone = [one.version for one in desk.gone if one.incident == incident]
    return max((*known, *gone), default=-1)


def _ended(record: ActionRecord, desk: Desk) -> bool:
    said = _said(record, desk)
    return bool(said) and said[-1].kind in ENDINGS


def _begun(record: ActionRecord, desk: Desk) -> bool:
    said = _said(record, desk)
    return bool(said) and said[-1].kind not in ENDINGS


def _said(record: ActionRecord, desk: Desk) -> list[Step]:
    return [step for step in record.on(desk.receiver) if step.generation == desk.number]


def _next(desk: Desk, now: int) -> Desk:
    """Return the desk with an empty digest, the next one."""
    left = [Gone(incident=one.incident, version=one.version, at=now) for one in desk.members]
    kept = [one for one in desk.gone if one.at > now - REMEMBERED_MS]
    return desk.model_copy(
        update={
            "number": desk.number + 1,
            "members": (),
            "joined": 0,
            "told": 0,
            "waiting_since": None,
            "gone": tuple(kept + left)[-5 * MOST_MEMBERS :],
        }
    )


def _bounded(members: tuple[Member, ...]) -> tuple[Member, ...]:
    """Return at most so many members: what is over makes room first, then what is oldest."""
    if len(members) <= MOST_MEMBERS:
        return members
    first = min(members[:-1], key=lambda one: (not one.over, one.joined_at, one.incident))
    return tuple(one for one in members if one is not first)


def _member(step: Step, incident: Incident, joined_at: int) -> Member:
    cause = incident.root_cause[0].service if incident.root_cause else None
    return Member(
        incident=incident.id,
        domain=incident.domain,
        generation=incident.generation,
        version=incident.version,
        title=cut(incident.title, _TITLE),
        service=cut(cause or next(iter(incident.services), ""), _NAME),
        severity=incident.severity,
        anomalies=incident.anomalies,
        status=incident.status,
        opened_at=incident.opened_at,
        joined_at=joined_at,
        updated_at=max(incident.opened_at, incident.updated_at),
        why=cut(step.reason.partition("; in the digest: ")[2] or step.reason, _TITLE),
    )


def _title(size: int, services: tuple[str, ...], *, over: bool) -> str:
    what = f"{size} incident{'' if size == 1 else 's'}{', all over' if over else ''}"
    rest = len(services) - 3
    return f"{what}: {', '.join(services[:3])}{f' and {rest} more' if rest > 0 else ''}"


def _evidence(member: Member) -> Evidence:
    """Return an incident of a digest as evidence: like an alert, it stands for what it says."""
    said = f"{member.title} ({SEVERITIES[member.severity]}, {member.status})"
    peak = Anomaly(
        id=member.incident,
        domain=member.domain,
        series=member.incident,
        metric=f"incident {member.incident[:_SHOWN_ID]}",
        labels={},
        service=member.service,
        role="other",
        time=member.opened_at,
        value=1.0,
        expected=0.0,
        lower=0.0,
        upper=0.0,
        detector=DIGEST,
        evidence=1.0,
        alarm_line=1.0,
        score=member.severity / 5,
        severity=member.severity,
        reason=said,
        alert=Alert(),
    )
    return Evidence(first=member.opened_at, last=member.updated_at, count=1, peak=peak)
