"""Who is told singly when much begins at once: places in a burst, given once. Pure."""

from aiops.digest import MOST_ADMITTED, Admitted, Desk
from aiops.events import Incident
from functions.act.config import Grouping, StormGuard
from functions.act.wording import span

REMEMBERED_MS = 3_600_000
"""How long a place is remembered at least: an event that is delivered again asks again."""


def key_of(incident: Incident) -> str:
    """Return what an incident asks as; one that comes back asks anew."""
    return f"{incident.id}:{incident.generation}"


def admit(desk: Desk, key: str, now: int, rule: Grouping) -> tuple[Desk, Admitted]:
    """Return the place of an incident in what is told to a receiver; who has one keeps it."""
    known = _known(desk, key)
    if known is not None:
        return desk, known
    place = _place(desk, now, rule.within)
    why = f"{place} began within {_length(rule.within)}, and {rule.first} are told singly"
    given = Admitted(key=key, at=now, place=place, grouped=why if place > rule.first else "")
    return _with(desk, given, rule.within), given


def count(desk: Desk, key: str, now: int, rule: StormGuard) -> tuple[Desk, Admitted]:
    """Return whether an incident is part of a storm; what was said of it stays said.

    Each that is makes the storm last for the whole window from then on.
    """
    known = _known(desk, key)
    if known is not None:
        return desk, known
    place = _place(desk, now, rule.within)
    why = (
        f"a storm: {place} began within {_length(rule.within)};"
        " no runbook starts by itself until it is over"
    )
    stormy = place > rule.more_than
    given = Admitted(key=key, at=now, place=place, grouped=why if stormy else "")
    until = max(desk.storm_until, now + int(rule.within * 1000)) if stormy else desk.storm_until
    after = _with(desk, given, rule.within)
    return after.model_copy(update={"storm_until": until}), given


def _known(desk: Desk, key: str) -> Admitted | None:
    return next((one for one in desk.admitted if one.key == key), None)


def _place(desk: Desk, now: int, within: float) -> int:
    return 1 + sum(one.at > now - int(within * 1000) for one in desk.admitted)


def _with(desk: Desk, given: Admitted, within: float) -> Desk:
    oldest = given.at - max(REMEMBERED_MS, int(within * 1000))
    kept = tuple(one for one in desk.admitted if one.at > oldest)
    return desk.model_copy(update={"admitted": (*kept, given)[-MOST_ADMITTED:]})


def _length(seconds: float) -> str:
    return span(int(seconds * 1000))
