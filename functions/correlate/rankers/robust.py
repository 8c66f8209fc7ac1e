"""The strongest deviation, whatever it is of and wherever it comes from.

Source: Pham, Ha, Zhang, "BARO: Robust Root Cause Analysis for Microservices via Multivariate
Bayesian Online Change Point Detection", FSE 2024: distance from the median in interquartile
ranges; here from what was expected, in half widths of the band.
"""

from aiops.events import Anomaly, Suspect
from functions.correlate.ranking import SUSPECTS, Case

MOST = 1e6
"""The score of what left a band without any width."""


class Ranker:
    """Names services by their strongest deviation."""

    def rank(self, case: Case) -> tuple[Suspect, ...]:
        """Return the services whose series left their bands farthest; a call is its server's."""
        strongest: dict[str, tuple[float, str, Anomaly]] = {}
        for piece in case.evidence:
            found = (deviation(piece.peak), piece.peak.series, piece.peak)
            known = strongest.get(piece.peak.service, found)
            strongest[piece.peak.service] = max(known, found, key=lambda one: one[:2])
        order = sorted(strongest.items(), key=lambda item: (-item[1][0], item[0]))
        return tuple(
            Suspect(
                service=service,
                metric=peak.metric,
                score=round(score, 4),
                reasons=(f"strongest deviation: {peak.metric}: {peak.reason}",),
            )
            for service, (score, _, peak) in order[:SUSPECTS]
        )


def deviation(anomaly: Anomaly) -> float:
    """Return how many half widths of its band a value lies from what was expected.

    An external alert has no band; it counts what its severity is worth.
    """
    if anomaly.alert is not None:
        return anomaly.evidence / anomaly.alarm_line
    half = (anomaly.upper - anomaly.lower) / 2
    apart = abs(anomaly.value - anomaly.expected)
    return min(apart / half, MOST) if half > 0 else MOST
