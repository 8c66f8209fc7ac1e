"""Whether a runbook that answers an incident may be run: the rails that need no memory. Pure."""

from collections.abc import Mapping, Sequence

from aiops.events import Incident
from aiops.runs import Mode
from functions.act.operation import Operation, Target
from functions.act.runbooks.model import Guard

FRESH_MS = 300_000
"""Older snapshots may be of a topic that is read again, or of an incident long over."""


def refusal(guard: Guard, incident: Incident, targets: Sequence[Target], now: int) -> str:
    """Return why a runbook may not be proposed for an incident; empty where it may.

    Args:
        guard: Its rails.
        incident: The snapshot.
        targets: What it would change.
        now: Unix milliseconds.
    """
    if guard.mode == "off":
        return "it is off"
    count = len(set(targets))
    if count > guard.max_targets:
        return f"it would change {count} things, and {guard.max_targets} may be changed"
    reach = len(incident.blast_radius)
    if reach > guard.blast_radius_max:
        return f"{reach} services may be affected, more than {guard.blast_radius_max}"
    return wrong_namespace(guard, targets) or untimely(guard, now)


def mode_of(guard: Guard, age: int) -> Mode:
    """Return the mode of a run of a runbook; what is off has none, and changes nothing.

    Args:
        guard: Its rails.
        age: Of the snapshot it answers, milliseconds; of what is old, people decide.
    """
    if guard.mode == "auto" and age > FRESH_MS:
        return "approve"
    return "dry-run" if guard.mode == "off" else guard.mode


def wrong_namespace(guard: Guard, targets: Sequence[Target]) -> str:
    """Return which target lies where nothing may be changed; empty where none does."""
    for target in targets:
        if target.namespace and target.namespace not in guard.allow_namespaces:
            return f"namespace {target.namespace} is not among allow_namespaces"
    return ""


def untimely(guard: Guard, now: int) -> str:
    """Return that it is outside the hours in which a run may begin; empty where it is not."""
    if guard.window is None or guard.window.end(now) is not None:
        return ""
    return f"outside its window, {', '.join(guard.window.windows)} {guard.window.zone}"


def unapproved(guard: Guard, approvals: int) -> str:
    """Return how many people must approve a run before it begins; empty where enough did."""
    if guard.mode == "auto" or approvals >= guard.min_approvers:
        return ""
    return f"it needs {guard.min_approvers} approvals by now"


def spared(guard: Guard, labels: Mapping[str, str]) -> str:
    """Return the label for which a target is left alone; empty where there is none."""
    for name, value in guard.deny_labels.items():
        if labels.get(name) == value:
            return f"the target is labelled {name}={value}"
    return ""


def hesitation(guard: Guard, operations: Sequence[Operation], storm: str) -> str:
    """Return why a run needs people although its mode is `auto`; empty where it does not."""
    if guard.mode != "auto":
        return "people decide"
    if storm:
        return f"people decide: {storm}"
    if not all(operation.reversible for operation in operations):
        return "people decide: not all it does can be taken back"
    return ""
