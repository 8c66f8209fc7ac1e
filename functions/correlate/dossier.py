"""What each service's own series say against it, by the role of its metrics."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import log1p

from aiops.events import Anomaly, Evidence
from aiops.once import Once

MAX_RATIO = 50.0
SYMPTOM_WEIGHT = 0.5
INDIRECT_WEIGHT = 0.5
DEMAND_WEIGHT = 0.5

NODE_METRICS = ("node_", "host_", "machine_")
"""How metrics of a whole node begin; many services share it."""

FLOW_METRICS = ("network", "syscall")
"""What is in the name of metrics of what passes through: it follows what a service is asked."""

NEVER = 1 << 62


@dataclass(slots=True)
class Dossier:
    """What speaks against one service: the strongest of each kind, and in what words.

    Attributes:
        saturation: Running out of something, or using far more of it.
        symptom: Latency and errors, and new templates of its logs.
        demand: Doing less than usual.
        load: Being asked more than usual.
        network: Calls that got slower on the way.
        other: The sum of what was noted besides.
        first: Time of its first anomaly, unix milliseconds; `NEVER` where it has none.
        said: Weight, metric and words of every reason.
    """

    saturation: float = 0.0
    symptom: float = 0.0
    demand: float = 0.0
    load: float = 0.0
    network: float = 0.0
    other: float = 0.0
    first: int = NEVER
    said: list[tuple[float, str, str]] = field(default_factory=list)

    @property
    def suffers(self) -> bool:
        """Whether it is in trouble itself, more than doing less than usual."""
        return self.symptom > 0 or self.saturation > 0

    @property
    def trouble(self) -> float:
        """What its callers may suffer from."""
        return max(self.saturation, self.symptom, self.demand, self.network, self.other)

    def note(self, weight: float, metric: str, reason: str) -> None:
        """Note something that is neither its saturation nor its symptom."""
        self.other += weight
        self.said.append((weight, metric, reason))


Dossiers = dict[str, Dossier]


def weight(anomaly: Anomaly) -> float:
    """Return log(1 + evidence in alarm lines), at most that of 50 of them."""
    return log1p(min(anomaly.evidence / anomaly.alarm_line, MAX_RATIO))


def fell(anomaly: Anomaly) -> bool:
    """Return whether an anomaly says that a service does less, not that it does worse."""
    return anomaly.role in {"saturation", "traffic"} and anomaly.value < anomaly.expected


def opened(evidence: Iterable[Evidence]) -> Dossiers:
    """Return a dossier for each service there is evidence of, calls only opening theirs."""
    dossiers: Dossiers = {}
    for piece in evidence:
        peak = piece.peak
        services = (peak.service,) if peak.edge is None else {peak.service, *peak.edge}
        for service in services:
            dossier = dossiers.setdefault(service, Dossier())
            dossier.first = min(dossier.first, piece.first)
        if peak.edge is None:
            _enter(dossiers[peak.service], peak)
        elif peak.role != "edge_client":
            _enter(dossiers[peak.edge[1]], peak)
    return dossiers


def _enter(dossier: Dossier, peak: Anomaly) -> None:
    kind, strength, said = _entry(peak)
    if strength > getattr(dossier, kind):
        setattr(dossier, kind, strength)
    dossier.said.append(said)


def _entry_of(peak: Anomaly) -> tuple[str, float, tuple[float, str, str]]:
    """Return of which kind it is, how strong that is, and what is said of it."""
    strength = said = weight(peak)
    if fell(peak):
        kind, said = "demand", said * DEMAND_WEIGHT
    elif peak.role == "traffic":
        kind, said = "load", said * DEMAND_WEIGHT
    elif peak.role == "saturation":
        said *= INDIRECT_WEIGHT if _indirect(peak.metric) else 1.0
        kind, strength = "saturation", said
    else:
        # Words are told by the service itself: they count in full.
        said *= SYMPTOM_WEIGHT if peak.template is None else 1.0
        kind, strength = "symptom", said / SYMPTOM_WEIGHT
    return kind, strength, (said, peak.metric, f"{peak.metric}: {peak.reason}")


_entry = Once(_entry_of)


def _indirect(metric: str) -> bool:
    """Return whether using more of this does not mean that the service itself runs out of it."""
    return metric.startswith(NODE_METRICS) or any(part in metric for part in FLOW_METRICS)
