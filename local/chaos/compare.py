"""What differs between a run under fire and one in peace, and what is wrong in itself. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from aiops.action_log import ActionRecord
from aiops.incident_store import Record
from local.chaos.naming import names_of, partition, survivor
from local.chaos.outcome import Outcome
from local.chaos.steps import planned
from local.receiving import Message

Differences = dict[str, list[str]]
"""By class, each in words; a class without any is there with none."""

ORDER_DEPENDENT = frozenset(
    ("id", "version", "notified_at", "joins", "merged_into", "evidence", "similar")
)
"""Fields of a stored incident that depend on what came first, or are compared apart."""


def compare(calm: Outcome, wild: Outcome) -> Differences:
    """Return what a run under fire left otherwise than one in peace."""
    return {
        "anomalies": _unequal("anomaly", calm.anomalies, wild.anomalies),
        "series": _unequal("record of series", calm.series, wild.series),
        "incidents": _unequal("incident of", incidents(calm), incidents(wild)),
        "steps": _unequal("step", _counted(steps(calm)), _counted(steps(wild))),
        "pager": _unequal("pager of", pager(calm), pager(wild)),
    }


def faults(outcome: Outcome) -> Differences:
    """Return what is wrong with a run, whatever another one left."""
    left = [f"{count} {what}" for what, count in outcome.left.items() if count]
    left += [
        f"incident {name}: {what}"
        for name, record in sorted(outcome.pending.items())
        for what in unfinished(record)
    ]
    bugs = {k: n for k, n in outcome.logged.items() if k.split(" ")[1] == "500"}
    return {
        "two contents": [f"anomaly {name}" for name in sorted(outcome.contradictions)],
        "published, not as stored": outcome.unpublished + unpublished(outcome),
        "steps by the policy": _against_the_policy(outcome),
        "dead letters": [f"{n} of {what}" for what, n in Counter(outcome.dead_letters).items()],
        "refused": list(outcome.refusals),
        "bugs": [f"{n} answers of {what}" for what, n in bugs.items()],
        "left over": left,
    }


def incidents(outcome: Outcome) -> dict[str, str]:
    """Return the incidents that are left, by their schedule-independent names."""
    found: dict[str, str] = {}
    names = names_of(outcome.members, outcome.redirects)
    for incident, anomalies in partition(outcome.members, outcome.redirects).items():
        record = outcome.incidents.get(incident)
        found[names[incident]] = (
            f"{sorted(anomalies)}: not stored" if record is None else _words(record, anomalies)
        )
    return found


def steps(outcome: Outcome) -> list[str]:
    """Return the distinct steps that arrived at webhook and Slack, in names of no schedule."""
    names = names_of(outcome.members, outcome.redirects)
    plan = planned(outcome.snapshots, _dropped(outcome))
    arrived = {message.step for message in outcome.messages if message.channel != "pagerduty"}
    found = []
    for step in sorted(arrived):
        known = plan.get(step)
        if known is None:
            found.append(f"unplanned {step}")
            continue
        name = names.get(survivor(known.incident, outcome.redirects), known.incident)
        about = f"{known.channel} {known.kind} {known.level} generation {known.generation}"
        found.append(f"{about} of {name} at severity {known.severity}, cause {known.cause}")
    return found


def pager(outcome: Outcome) -> dict[str, str]:
    """Return for each incident what the pager was told of it, in any order, and in what it ended.

    An acknowledgement or a resolution carries no step there, so kinds are compared, not numbers.
    """
    names = names_of(outcome.members, outcome.redirects)
    told: dict[str, list[Message]] = {}
    for message in outcome.messages:
        if message.channel == "pagerduty":
            name = names.get(survivor(message.key, outcome.redirects), message.key)
            told.setdefault(name, []).append(message)
    return {
        name: f"{sorted({one.kind for one in some})}, in the end {some[-1].kind}"
        for name, some in told.items()
    }


def _against_the_policy(outcome: Outcome) -> list[str]:
    """Return where what arrived is not what the policy makes of the published snapshots."""
    dropped = _dropped(outcome)
    plan = planned(outcome.snapshots, dropped)
    ended = {action.step: action.outcome for action in outcome.actions}
    found = [f"step {s} was not announced as ended" for s in sorted(plan.keys() - ended.keys())]
    found += [f"step {s} was announced, not planned" for s in sorted(ended.keys() - plan.keys())]
    found += [f"step {s} ended as failed" for s, how in sorted(ended.items()) if how == "failed"]
    wanted = {name for name, step in plan.items() if step.channel != "pagerduty"}
    arrived: dict[str, list[Message]] = {}
    for message in outcome.messages:
        if message.channel != "pagerduty":
            arrived.setdefault(message.step, []).append(message)
    for step in sorted(wanted - dropped - arrived.keys()):
        found.append(f"{plan[step].kind} to {plan[step].channel} never arrived: {step}")
    found += [f"step {s} arrived unplanned" for s in sorted(arrived.keys() - wanted)]
    found += [f"step {s} arrived though dropped" for s in sorted(arrived.keys() & dropped)]
    for step, some in sorted(arrived.items()):
        if any(one.channel == "slack" and not one.possible_repeat for one in some[1:]):
            found.append(f"step {step} was shown again without saying so")
    return found


def unpublished(outcome: Outcome) -> list[str]:
    """Return the incidents whose newest published snapshot is not the one that is stored."""
    newest: dict[str, int] = {}
    for snapshot in outcome.snapshots:
        newest[snapshot.id] = max(snapshot.version, newest.get(snapshot.id, -1))
    return [
        f"incident {name}: version {newest.get(name)} was published, {record.version} is stored"
        for name, record in sorted(outcome.incidents.items())
        if newest.get(name) != record.version
    ]


def unfinished(record: ActionRecord) -> list[str]:
    """Return the steps that have not ended, or whose end was not published.

    A call to the pager whose end nobody noted is looked at again ten minutes later, in case it
    arrives that late; so long nobody waits here, and the state of the pager is compared instead.
    """
    return [f"{s.channel} {s.kind} is {s.state}" for s in record.steps if not s.announced]


def _words(record: Record, anomalies: frozenset[str]) -> str:
    """Return all of an incident that no schedule may change."""
    content: dict[str, Any] = record.model_dump(exclude=set(ORDER_DEPENDENT))
    content["orders"] = [(order.command, order.given_at) for order in record.orders]
    content["told"] = record.notified_at is not None
    content["evidence"] = [(e.first, e.last, e.count, e.peak.id) for e in record.evidence]
    content["members"] = sorted(anomalies)
    return ", ".join(f"{name}={content[name]}" for name in sorted(content))


def _dropped(outcome: Outcome) -> frozenset[str]:
    return frozenset(one.step for one in outcome.actions if one.outcome == "dropped")


def _counted(lines: Iterable[str]) -> dict[str, str]:
    return {line: f"{n} times" for line, n in Counter(lines).items()}


def _unequal(what: str, calm: Mapping[str, str], wild: Mapping[str, str]) -> list[str]:
    found = [f"{what} {name}: missing" for name in sorted(calm.keys() - wild.keys())]
    found += [f"{what} {name}: too much" for name in sorted(wild.keys() - calm.keys())]
    for name in sorted(calm.keys() & wild.keys()):
        if calm[name] != wild[name]:
            found.append(f"{what} {name}: {_where(calm[name], wild[name])}")
    return found


def _where(calm: str, wild: str) -> str:
    """Return the beginning of what differs, with a little of what comes before it."""
    at = next((n for n, (a, b) in enumerate(zip(calm, wild, strict=False)) if a != b), 0)
    start = max(0, at - 40)
    return f"…{calm[start : at + 60]}… in peace, …{wild[start : at + 60]}… under fire"
