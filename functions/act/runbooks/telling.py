"""Whom to tell of a run, and when: news of runs as steps of the incident's record. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aiops.action_log import ENDINGS, RUN_NEWS, ActionRecord, Kind, Step, step_id
from aiops.runs import Run
from functions.act.config import ChannelRule
from functions.act.runbooks.model import Runbook

ALARMS_ONLY = frozenset(("pagerduty",))
"""Kinds of receivers that know alarms and nothing else: news of a run would raise one."""

BREAKER_LEVEL = 1_000
"""Added to a run's number where its end opened a breaker, to tell that message from the run's."""


@dataclass(frozen=True, slots=True)
class Readers:
    """Who may be told.

    Attributes:
        rules: One per receiver.
        off: Channels that cannot be used, and why.
        pages: Runbooks whose failures everybody is told of.
    """

    rules: tuple[ChannelRule, ...] = ()
    off: Mapping[str, str] = field(default_factory=dict)
    pages: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class News:
    """One thing to tell; the level tells apart what is of one kind."""

    kind: Kind
    level: int
    reason: str


def told(before: ActionRecord, after: ActionRecord, readers: Readers, now: int) -> ActionRecord:
    """Return the record with a step for each piece of news between two states of it."""
    known = {run.id: run for run in before.runs}
    for run in after.runs:
        kind = _kind(known.get(run.id), run, readers)
        if kind is not None:
            after = with_news(after, run, News(kind, run.number, _words(run)), readers, now)
    return after


def with_news(
    record: ActionRecord, run: Run, news: News, readers: Readers, now: int
) -> ActionRecord:
    """Return the record with one piece of news for every receiver that is told of it."""
    steps = []
    for rule in readers.rules:
        kind = _fitting(record, rule, news.kind)
        raises_alarm = kind in RUN_NEWS and rule.channel in ALARMS_ONLY
        if kind not in rule.tell or raises_alarm or not _reached(run, rule, readers):
            continue
        step = _step(record, run, rule.receiver, News(kind, news.level, news.reason), now)
        steps += [step] if record.step(step.id) is None else []
    return record.model_copy(update={"steps": record.steps + tuple(steps)})


def pages_of(runbooks: Sequence[Runbook]) -> frozenset[str]:
    """Return the runbooks whose failures everybody is told of."""
    return frozenset(one.name for one in runbooks if one.verify.on_fail == "page")


def _kind(earlier: Run | None, run: Run, readers: Readers) -> Kind | None:
    """Return what people are told of a run's new state, if anything."""
    was = None if earlier is None else earlier.state
    if run.state == was:
        return None
    if run.state == "awaiting":
        return "run_proposed"
    if not run.ended:
        return None
    if run.state == "skipped" and run.over_at is not None and was in {None, "proposed"}:
        return None
    failed = run.state in {"failed", "unknown"} and not run.taken_over
    return "run_failed" if failed and run.runbook in readers.pages else "run_finished"


def _words(run: Run) -> str:
    last = run.changes[-1]
    what = "; ".join(step.summary for step in run.steps)
    if run.state == "awaiting":
        return f"{run.runbook} would {what} ({last.reason})"
    who = ", ".join(approval.by for approval in run.approvals)
    by = f"; approved by {who}" if who else ""
    return f"{run.runbook} {run.state}: {last.reason}{by}"


def _reached(run: Run, rule: ChannelRule, readers: Readers) -> bool:
    """Return whether a receiver is told of a run at all."""
    routed = run.receivers is None or rule.receiver in run.receivers
    return routed and rule.receiver not in readers.off and run.severity >= rule.min_severity


def _fitting(record: ActionRecord, rule: ChannelRule, kind: Kind) -> Kind:
    """Return the kind of message: what is over for a channel is not opened again by a failure."""
    said = [step for step in record.on(rule.receiver) if step.kind not in RUN_NEWS]
    over = bool(said) and said[-1].kind in ENDINGS
    return "run_finished" if over and kind == "run_failed" else kind


def _step(record: ActionRecord, run: Run, channel: str, news: News, now: int) -> Step:
    return Step(
        id=step_id(run.incident, run.generation, channel, news.kind, news.level),
        incident=run.incident,
        generation=run.generation,
        channel=channel,
        kind=news.kind,
        level=news.level,
        reason=news.reason,
        version=max(record.version, run.version),
        severity=run.severity,
        cause=run.cause,
        run=run.id,
        planned_at=now,
        next_at=now,
    )
