"""An incident by its id, or by as much of it as people type."""

from aiops.errors import Misconfigured
from aiops.incident_store import Held, IncidentStore

EVERY = 1 << 30


def held_by(store: IncidentStore, text: str) -> Held | None:
    """Return the incident of an id or of how one begins; None where there is none.

    Raises:
        Misconfigured: several begin so.
    """
    known = store.incidents([text])
    if not known:
        every = (*store.quiet(EVERY << 23, EVERY), *store.ended(EVERY))
        names = [name for name in every if name.startswith(text)]
        if len(names) > 1:
            raise Misconfigured(f"{text}: {len(names)} incidents begin so")
        known = store.incidents(names)
    return next(iter(known.values()), None)
