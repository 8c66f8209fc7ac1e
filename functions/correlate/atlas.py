"""The topology that held at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiops.events import TopologyObserved
from aiops.incident_store import IncidentStore, Survey, View
from aiops.topology import Topology

Versions = Sequence[tuple[int, str]]


def version_at(versions: Versions, time: int) -> str | None:
    """Return the version valid at a time: the latest before it, else the first; None for none."""
    found = None
    for since, version in versions:
        if found is None or since <= time:
            found = version
    return found


@dataclass(frozen=True, slots=True)
class Finding:
    """What is to be kept of an observed topology.

    Attributes:
        topology: The calls and from when they hold; None where they are those that were known.
        survey: What was seen of them.
    """

    topology: tuple[int, Topology] | None
    survey: tuple[Survey, Topology]


def valid_from(observed: TopologyObserved, version: str, view: View, delay: int) -> int | None:
    """Return from when an observed topology is to hold; None where the latest has the same calls.

    It holds only some time after it was observed, after every one before it, and never for
    anomalies already seen: then the links between anomalies do not depend on whether they arrived
    before it. The first one holds for all time.
    """
    if not view.topologies:
        return 0
    newest, current = view.topologies[-1]
    return None if version == current else max(_later(observed, view, delay), newest + 1)


def _later(observed: TopologyObserved, view: View, delay: int) -> int:
    """Return from when what was seen of the latest topology holds: not before that one does."""
    newest, _ = view.topologies[-1]
    return max(observed.observed_at + delay, view.watermark + 1, newest)


def finding(
    observed: TopologyObserved, topology: Topology, view: View, delay: int
) -> Finding | None:
    """Return what is to be kept of an observed topology; None for nothing.

    One that is no newer than the latest changes nothing; so none does that is delivered again.
    Every newer one is kept: were one refused, it could come into force when it is delivered again.
    """
    if view.surveys and observed.observed_at <= view.surveys[-1].observed_at:
        return None
    version = topology.version
    since = valid_from(observed, version, view, delay)
    if since is not None:
        return Finding((since, topology), (Survey(since, version, observed.observed_at), topology))
    survey = Survey(_later(observed, view, delay), version, observed.observed_at)
    return Finding(None, (survey, topology))


def survey_at(surveys: Sequence[Survey], version: str, time: int) -> Survey | None:
    """Return the survey of a version valid at a time: the latest before it, else the first."""
    found = None
    for survey in surveys:
        if survey.version == version and (found is None or survey.since <= time):
            found = survey
    return found


class Atlas:
    """Reads topologies once each; they never change.

    Threads share it, so what is known is replaced as a whole and never changed.
    """

    def __init__(self, store: IncidentStore, default: Topology) -> None:
        self._store = store
        self._default = default
        self._known: Mapping[str, Topology] = {}
        self._surveyed: Mapping[Survey, Topology] = {}

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

    def surveyed(self, view: View, time: int) -> Topology:
        """Return the topology valid at a time with what was seen of its calls by then."""
        topology = self.at(view.topologies, time)
        survey = survey_at(view.surveys, topology.version, time)
        if survey is None:
            return topology
        known = self._surveyed
        if survey in known:
            return known[survey]
        found = self._store.surveyed(topology, survey)
        known = {one: held for one, held in known.items() if one in view.surveys}
        self._surveyed = {**known, survey: found} if found.seen else known
        return found
