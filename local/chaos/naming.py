"""Names of incidents that do not depend on which anomaly came first. Pure."""

from collections import defaultdict
from collections.abc import Mapping


def survivor(incident: str, redirects: Mapping[str, str]) -> str:
    """Return what an incident has become part of, itself where it has not."""
    while incident in redirects:
        incident = redirects[incident]
    return incident


def partition(
    members: Mapping[str, str], redirects: Mapping[str, str]
) -> dict[str, frozenset[str]]:
    """Return the anomalies of each incident that is left, by its id.

    Args:
        members: Anomaly to the incident it was first put in.
        redirects: Merged incident to what it was merged into.
    """
    found: defaultdict[str, set[str]] = defaultdict(set)
    for anomaly, incident in members.items():
        found[survivor(incident, redirects)].add(anomaly)
    return {incident: frozenset(anomalies) for incident, anomalies in found.items()}


def names_of(members: Mapping[str, str], redirects: Mapping[str, str]) -> dict[str, str]:
    """Return a name for each incident that is left: the smallest id of its anomalies."""
    return {
        incident: min(anomalies) for incident, anomalies in partition(members, redirects).items()
    }
