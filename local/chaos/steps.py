"""Which steps the published snapshots lead to: the policy, applied to them once. Pure."""

from collections.abc import Collection, Iterable

from aiops.action_log import ActionRecord, Step
from aiops.events import Incident
from functions.act import policy
from functions.act.config import ActConfig


def planned(snapshots: Iterable[Incident], dropped: Collection[str]) -> dict[str, Step]:
    """Return all steps that follow from snapshots, by id.

    Args:
        snapshots: Of any number of incidents, each one's in the order they were published.
        dropped: Ids of steps that were not sent because their incident had become part of another
            by then; what follows depends on it.
    """
    config = ActConfig()
    records: dict[str, ActionRecord] = {}
    found: dict[str, Step] = {}
    for incident in snapshots:
        record = records.get(incident.id) or ActionRecord(incident=incident.id)
        if incident.version > record.version:
            plan = policy.plan(incident, record.steps, config, {}, 0)
            records[incident.id] = _tried(policy.accept(record, incident, plan, 0), dropped)
            found |= {step.id: step for step in plan.steps}
    return found


def _tried(record: ActionRecord, dropped: Collection[str]) -> ActionRecord:
    """Return the record with all steps tried but those that were dropped before."""
    steps = tuple(
        step.model_copy(update={"attempts": int(step.id not in dropped)}) for step in record.steps
    )
    return record.model_copy(update={"steps": steps})
