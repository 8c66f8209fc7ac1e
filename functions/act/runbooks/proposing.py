"""What a snapshot means to runbooks: runs that go on, and at most one that is proposed. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue, ValidationError

from aiops.action_log import ActionRecord
from aiops.events import Incident
from aiops.runs import Change, Considered, Run, RunStep, run_id
from aiops.silences import silenced_at
from functions.act.operation import Operation, Target
from functions.act.runbooks.guarding import mode_of, refusal, spared
from functions.act.runbooks.life import observed
from functions.act.runbooks.loading import arguments_of
from functions.act.runbooks.matching import Cause, cause_of, mismatch
from functions.act.runbooks.model import Runbook, milliseconds
from functions.act.runbooks.placeholders import Unresolved, resolved

MOST_RUNS = 20
"""Runs an incident may have."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """The runbooks, and what they are done with.

    Attributes:
        runbooks: In the order in which they are looked at.
        operations: Those the runbooks that are not off name, by their kind.
    """

    runbooks: tuple[Runbook, ...] = ()
    operations: Mapping[str, Operation] = field(default_factory=dict)

    def runbook(self, name: str) -> Runbook | None:
        """Return a runbook; None where there is none of that name any more."""
        return next((one for one in self.runbooks if one.name == name), None)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """The steps of a run; or why there can be none."""

    steps: tuple[RunStep, ...] = ()
    against: str = ""


def consider(
    record: ActionRecord,
    incident: Incident,
    shelf: Shelf,
    receivers: tuple[str, ...] | None,
    now: int,
) -> ActionRecord:
    """Return the record with its runs as of a snapshot, and the first runbook that may be run.

    Args:
        record: All else of it is as the snapshot has it already.
        incident: The snapshot.
        shelf: The runbooks.
        receivers: Whom the incident is for; None for everybody.
        now: Unix milliseconds.
    """
    kept = [
        run
        for run in record.runs
        if run.due_at is not None or run.generation >= incident.generation - 1
    ]
    runs = [observed(run, incident, receivers, now) for run in kept]
    considered: list[Considered] = []
    chosen: Run | None = None
    for runbook in shelf.runbooks:
        against = f"{chosen.runbook} was chosen" if chosen is not None else ""
        prepared = _Prepared(against=against or _barred(runbook, incident, runs, now))
        if not prepared.against:
            prepared = _prepare(runbook, incident, shelf, now)
        if not prepared.against:
            proposed = _run(runbook, incident, prepared, runs, now)
            chosen = observed(proposed, incident, receivers, now)
        why = prepared.against or "it answers the likeliest cause"
        considered.append(Considered(runbook=runbook.name, chosen=not prepared.against, reason=why))
    runs += [chosen] if chosen is not None else []
    return record.model_copy(update={"runs": tuple(runs), "considered": tuple(considered)})


def _barred(runbook: Runbook, incident: Incident, runs: Sequence[Run], now: int) -> str:
    """Return why a runbook is not looked at any further."""
    off = "it is off" if runbook.guard.mode == "off" else ""
    against = mismatch(runbook.match, incident) or off or _unfit(incident, now)
    if against:
        return against
    service = incident.root_cause[0].service
    name = run_id(incident.id, incident.generation, runbook.name, service)
    if any(run.id == name for run in runs):
        return "it was proposed for this cause before"
    if any(not run.ended for run in runs):
        return "another run goes on"
    return "the incident has had too many runs" if len(runs) >= MOST_RUNS else ""


def _unfit(incident: Incident, now: int) -> str:
    """Return why no runbook answers an incident as it stands."""
    if incident.status in {"resolved", "merged"}:
        return "the incident is over"
    if incident.notified_at is None:
        return "not worth telling yet"
    return "the incident is silenced" if silenced_at(incident, now) is not None else ""


def _prepare(runbook: Runbook, incident: Incident, shelf: Shelf, now: int) -> _Prepared:
    cause = cause_of(incident)
    if cause is None:
        return _Prepared(against="there is no suspect")
    against = spared(runbook.guard, cause.labels)
    if against:
        return _Prepared(against=against)
    try:
        made = [_step(kind, given, cause, shelf) for kind, given in runbook.operations]
    except Unresolved as error:
        return _Prepared(against=str(error))
    targets = [target for _, target in made]
    against = refusal(runbook.guard, incident, targets, now)
    return _Prepared(tuple(step for step, _ in made), against)


def _step(
    kind: str, given: Mapping[str, JsonValue], cause: Cause, shelf: Shelf
) -> tuple[RunStep, Target]:
    operation = shelf.operations[kind]
    raw = arguments_of(operation.arguments, given)
    filled = resolved(raw, cause.service, cause.labels)
    try:
        arguments = operation.arguments.model_validate_json(json.dumps(filled))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Unresolved(f"{kind}.{where}: {first['msg']}") from None
    target = operation.target(arguments)
    step = RunStep(
        operation=kind,
        arguments=arguments.model_dump(mode="json"),
        target=str(target),
        summary=operation.summary(arguments),
    )
    return step, target


def _run(
    runbook: Runbook, incident: Incident, prepared: _Prepared, runs: Sequence[Run], now: int
) -> Run:
    suspect = incident.root_cause[0]
    return Run(
        id=run_id(incident.id, incident.generation, runbook.name, suspect.service),
        number=max((run.number for run in runs), default=0) + 1,
        incident=incident.id,
        generation=incident.generation,
        runbook=runbook.name,
        mode=mode_of(runbook.guard, now - incident.updated_at),
        domain=incident.domain,
        service=suspect.service,
        metric=suspect.metric,
        version=incident.version,
        steps=prepared.steps,
        changes=(Change(state="proposed", at=now, reason="it answers the likeliest cause"),),
        next_at=now,
        expires_at=now + milliseconds(runbook.guard.approve_ttl),
    )
