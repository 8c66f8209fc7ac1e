"""Changing a record that others change too: read, alter, store, and again if someone was faster."""

from collections.abc import Callable

from aiops.action_log import ActionLog, ActionRecord
from aiops.errors import Unavailable
from aiops.events import Incident

ROUNDS = 20


def change(
    log: ActionLog,
    incident: str,
    alter: Callable[[ActionRecord], ActionRecord],
    snapshot: Incident | None = None,
) -> ActionRecord:
    """Return the record as it stands after the change; one that alters nothing is not stored.

    Raises:
        Unavailable: others were faster again and again.
    """
    for _ in range(ROUNDS):
        before = log.read(incident) or ActionRecord(incident=incident)
        after = alter(before)
        if after is before or after == before:
            return before
        if log.commit(after, snapshot):
            return after.model_copy(update={"revision": before.revision + 1})
    raise Unavailable("steps: changed by others again and again")
