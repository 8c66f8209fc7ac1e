"""The topology that held at a time."""

from collections.abc import Mapping, Sequence

from aiops.events import TopologyObserved
from aiops.incident_store import IncidentStore, View
from aiops.topology import Topology

Versions = Sequence[tuple[int, str]]


def version_at(versions: Versions, time: int) -> str | None:
    """Return the version valid at a time: the latest before it, else the first; None for none."""
    found = None
    for since, version in versions:
        if found is None or since <= time:
            found = version
    return found


def valid_from(observed: TopologyObserved, version: str, view: View, delay: int) -> int | None:
    """Return from when an observed topology is to hold; None where it brings nothing new.

    It holds only some time after it was observed, and never for anomalies already seen: then the
    links between anomalies do not depend on whether they arrived before it. The first one holds
    for all time.
    """
    if not view.topologies:
        return 0
    newest, current = view.topologies[-1]
    since = max(observed.observed_at + delay, view.watermark + 1)
    if version == current or since <= newest:
        return None
    return since


class Atlas:
    """Reads topologies once each; they never change.

    Threads share it, so what is known is replaced as a whole and never changed.
    """

    def __init__(self, store: IncidentStore, default: Topology) -> None:
        self._store = store
        self._default = default
        self._known: Mapping[str, Topology] = {}

    def all(self, versions: Versions) -> tuple[Topology, ...]:
        """Return all topologies kept; the default where none was observed."""
        return tuple(self.at(versions, since) for since, _ in versions) or (self._default,)

    def at(self, versions: Versions, time: int) -> Topology:
        """Return the topology valid at a time; the default where none was observed."""
        version = version_at(versions, time)
        if version is None:
            return self._default
        known = self._known
        if version in known:
            return known[version]
        found = self._store.topology(version)
        kept = {v for _, v in versions}
        known = {v: held for v, held in known.items() if v in kept}
        # One that is gone since it was listed is not remembered: the same calls may come again.
        self._known = known | {version: found} if found.calls else known
        return found
