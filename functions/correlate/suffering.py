"""Who suffers by what anomalies say: waits, fails, or is missed by those who come."""

import re
from collections.abc import Iterable

from aiops.events import Anomaly, Evidence

LOST = 0.5
"""The part of the usual requests below which users who come are missed, where they come first."""

FAILS, SLOW, MISSED = "fails", "is slow", f"gets less than {LOST:.0%} of its usual requests"
HOW = (FAILS, SLOW, MISSED)
"""How a service suffers, the worst first."""

SLOWNESS = frozenset(("latency", "edge_client", "edge_server"))
FEWER_IS_BETTER = re.compile("error|fail|5xx|restart|oom")


def suffers(peak: Anomaly) -> tuple[str, str] | None:
    """Return who suffers by what an anomaly says, and how; None for nobody.

    Whoever waits for a slow call does. What got better is no suffering.
    """
    grown = peak.value >= peak.expected
    if peak.template is not None:
        return peak.service, FAILS
    if peak.role in SLOWNESS and grown:
        waiting = peak.service if peak.edge is None else peak.edge[peak.role != "edge_client"]
        return waiting, SLOW
    if peak.role == "errors" and (grown or not FEWER_IS_BETTER.search(peak.metric)):
        return peak.service if peak.edge is None else peak.edge[1], FAILS
    if peak.role == "traffic" and peak.edge is None and peak.value < LOST * peak.expected:
        return peak.service, MISSED
    return None


def suffering(evidence: Iterable[Evidence]) -> dict[str, str]:
    """Return how each service suffers at its worst, the worst first, then by name."""
    found: dict[str, str] = {}
    for said in filter(None, (suffers(piece.peak) for piece in evidence)):
        service, how = said
        found[service] = min(how, found.get(service, how), key=HOW.index)
    return dict(sorted(found.items(), key=lambda one: (HOW.index(one[1]), one[0])))
