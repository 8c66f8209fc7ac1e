"""The deepest in trouble: who shows anomalies while everybody it calls is well.

Source: Lin, Chen, Zheng, "Microscope", ICSOC 2018, and the graph traversal of the PetShop root
cause benchmark: follow the calls from service to anomalous service to where they end.
"""

from aiops.events import Anomaly, Suspect
from functions.correlate.dossier import weight
from functions.correlate.ranking import SUSPECTS, Case

NOT_DEEPEST = 0.1
"""What the anomalies of a service count for while one it calls shows some, too."""


class Ranker:
    """Names anomalous services, those first whose callees are well, the strongest first."""

    def rank(self, case: Case) -> tuple[Suspect, ...]:
        """Return the deepest anomalous services; a call is its server's."""
        strongest: dict[str, tuple[float, str, Anomaly]] = {}
        for piece in case.evidence:
            found = (weight(piece.peak), piece.peak.series, piece.peak)
            known = strongest.get(piece.peak.service, found)
            strongest[piece.peak.service] = max(known, found, key=lambda one: one[:2])
        scored = []
        for service, (said, _, peak) in strongest.items():
            below = sorted(case.topology.callees(service) & strongest.keys())
            scored.append((said * (NOT_DEEPEST if below else 1.0), service, peak, below))
        scored.sort(key=lambda one: (-one[0], one[1]))
        return tuple(
            Suspect(
                service=service,
                metric=peak.metric,
                score=round(score, 4),
                reasons=(f"{peak.metric}: {peak.reason}", _depth(below)),
            )
            for score, service, peak, below in scored[:SUSPECTS]
        )


def _depth(below: list[str]) -> str:
    return f"{below[0]}, which it calls, shows anomalies too" if below else "all it calls are well"
