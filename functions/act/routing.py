"""Which receivers an incident is for, by what it is about. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pydantic import BaseModel, ConfigDict, Field

from aiops.events import Anomaly, Glob, Incident, Name, Severity

NAMESPACES = ("namespace", "kubernetes_namespace", "k8s_namespace_name", "exported_namespace")
"""Labels that name a namespace; the first one present counts."""

Globs = tuple[Glob, ...]


class Match(BaseModel):
    """What an incident must be like; what is left out does not matter.

    Of several names in a list one must fit; `*` stands for any text.

    Attributes:
        service: The likeliest cause; where nobody is suspected, any anomalous service.
        affected: Any anomalous service.
        namespace: Namespace in the labels of what is looked at.
        labels: Labels, all on one series; an absent one is the empty text.
        source: What found it: a detector such as `baseline`, or `alertmanager`, `grafana`.
        domain: The domain.
        min_severity: It is at least this severe.
        max_severity: It is at most this severe.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    service: Globs = ()
    affected: Globs = ()
    namespace: Globs = ()
    labels: Mapping[str, Name] = Field(default_factory=dict)
    source: Globs = ()
    domain: Globs = ()
    min_severity: Severity = 1
    max_severity: Severity = 5

    def fits(self, incident: Incident) -> bool:
        """Return whether an incident is like that.

        Namespace, labels and source are looked for in the evidence of the likeliest cause; where
        nobody is suspected, or the suspect showed nothing itself, in all of it.
        """
        if not self.min_severity <= incident.severity <= self.max_severity:
            return False
        return (
            _any(self.domain, (incident.domain,))
            and _any(self.affected, incident.services)
            and _any(self.service, _accused(incident))
            and any(self._fits_series(peak) for peak in _subject(incident))
        )

    def _fits_series(self, peak: Anomaly | None) -> bool:
        labels = peak.labels if peak else {}
        namespace = next((labels[name] for name in NAMESPACES if labels.get(name)), "")
        return (
            _any(self.namespace, (namespace,))
            and _any(self.source, (peak.detector if peak else "",))
            and all(fnmatchcase(labels.get(k, ""), glob) for k, glob in self.labels.items())
        )


class Route(BaseModel):
    """Where incidents of some kind go.

    Attributes:
        name: What it is called where steps are explained.
        match: Which incidents; of several routes the first that fits counts.
        to: Names of channels; none keeps such incidents from everybody.
        go_on: Whether later routes are looked at as well.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(min_length=1, max_length=100)
    match: Match = Match()
    to: tuple[str, ...]
    go_on: bool = False


@dataclass(frozen=True, slots=True)
class Routing:
    """Whither an incident goes.

    Attributes:
        taken: Channel → the route that leads there; None where all lead everywhere.
        names: Of the routes that fit.
    """

    taken: Mapping[str, str] | None = None
    names: tuple[str, ...] = ()

    def route_to(self, channel: str) -> str:
        """Return the route that leads to a channel; empty where there are no routes at all."""
        return "" if self.taken is None else self.taken.get(channel, "")

    def against(self, channel: str) -> str:
        """Return why an incident does not go to a channel; empty where it does."""
        if self.taken is None or channel in self.taken:
            return ""
        if not self.names:
            return f"no route leads to {channel}: none fits"
        return f"no route leads to {channel}: taken by {', '.join(self.names)}"


def routing(incident: Incident, routes: Sequence[Route]) -> Routing:
    """Return whither an incident goes; without routes, everywhere."""
    if not routes:
        return Routing()
    taken: dict[str, str] = {}
    names: list[str] = []
    for route in routes:
        if not route.match.fits(incident):
            continue
        names.append(route.name)
        for channel in route.to:
            taken.setdefault(channel, route.name)
        if not route.go_on:
            break
    return Routing(taken, tuple(names))


def _accused(incident: Incident) -> tuple[str, ...]:
    return (incident.root_cause[0].service,) if incident.root_cause else incident.services


def _subject(incident: Incident) -> Sequence[Anomaly | None]:
    peaks = [one.peak for one in incident.evidence]
    cause = incident.root_cause[0].service if incident.root_cause else None
    own = [peak for peak in peaks if peak.service == cause]
    return own or peaks or [None]


def _any(globs: Globs, names: Sequence[str]) -> bool:
    return not globs or any(fnmatchcase(name, glob) for name in names for glob in globs)
