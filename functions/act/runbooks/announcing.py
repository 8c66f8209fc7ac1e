"""The audit: every state a run came into, published once in effect to the topic `actions`.

The record holds what was not published yet, so nothing is lost that happened; a repeat carries the
same id. The topic is kept for 30 days, in the order of each incident, and anyone may read it.
"""

from collections.abc import Mapping, Sequence

from aiops import topics
from aiops.action_log import ActionRecord
from aiops.events import RunChanged
from aiops.ids import derive
from aiops.ports import Event, Message
from aiops.runs import Run


def unannounced(record: ActionRecord) -> Mapping[str, int]:
    """Return the runs with changes to be published, with how many changes they have."""
    return {run.id: len(run.changes) for run in record.runs if run.announced < len(run.changes)}


def messages_of(record: ActionRecord) -> Sequence[Message]:
    """Return what is to be published of a record's runs, in its order."""
    return [
        _message(run, place)
        for run in record.runs
        for place in range(run.announced, len(run.changes))
    ]


def announced(record: ActionRecord, published: Mapping[str, int]) -> ActionRecord:
    """Return the record with so many changes of each run noted as published."""
    runs = tuple(
        run.model_copy(update={"announced": published[run.id]})
        if published.get(run.id, 0) > run.announced
        else run
        for run in record.runs
    )
    return record.model_copy(update={"runs": runs})


def _approvals(run: Run, place: int) -> tuple[tuple[str, int], ...]:
    """Return who had approved when a change came, which each publication of it says alike."""
    given = sum(
        one.state in {"awaiting", "approved"} and bool(one.by) for one in run.changes[: place + 1]
    )
    return tuple((approval.by, approval.at) for approval in run.approvals[:given])


def _message(run: Run, place: int) -> Message:
    change = run.changes[place]
    fact = RunChanged(
        run=run.id,
        incident=run.incident,
        runbook=run.runbook,
        mode=run.mode,
        state=change.state,
        reason=change.reason,
        targets=run.targets,
        summary=tuple(step.summary for step in run.steps),
        by=change.by,
        approvals=_approvals(run, place),
        number=place + 1,
        changed_at=change.at,
    )
    event = Event(
        id=derive("run.changed", run.id, place + 1),
        source="/aiops/act",
        type=RunChanged.type,
        time=change.at,
        data=fact.model_dump_json().encode(),
        subject=run.incident,
        extensions={"correlationid": run.incident, "runstate": change.state},
    )
    return Message(topics.ACTIONS, run.incident, event)
