"""The part of the topology around an incident, laid out: callers left of what they call. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from local.explain.model import Chart, Material, Node, Part

MOST_NODES = 36
MOST_ROWS = 12
ROUNDS = 8
"""Times columns are sorted by their neighbours, which untangles most calls."""

NEAREST = 6
"""Services without a part in it that are shown around the suspects."""


def chart(material: Material) -> Chart:
    """Return the suspects, who is anomalous, who may feel it, and their nearest, with their calls.

    Of too many services those are shown that come first in that order.
    """
    topology, parts = material.topology, _parts(material)
    shown = list(parts)[:MOST_NODES]
    calls = tuple(sorted((a, b) for a in shown for b in topology.callees(a) & set(shown) if a != b))
    columns = _columns(shown, calls)
    suspects = [one.service for one in material.incident.root_cause]
    nodes = tuple(
        Node(
            service,
            parts[service],
            suspects.index(service) + 1 if service in suspects else 0,
            column,
            row,
        )
        for column, services in enumerate(columns)
        for row, service in enumerate(services)
    )
    left: dict[str, int] = {}
    for service in list(parts)[MOST_NODES:]:
        left[parts[service]] = left.get(parts[service], 0) + 1
    return Chart(nodes, calls, len(topology.services), left)


def _parts(material: Material) -> dict[str, Part]:
    """Return what part services have in it, those to be shown first first."""
    incident, topology = material.incident, material.topology
    suspects = [one.service for one in incident.root_cause]
    parts: dict[str, Part] = dict.fromkeys(suspects, "suspect")
    strongest = sorted(material.evidence, key=lambda one: (-one.peak.score, one.peak.service))
    anomalous = [end for one in strongest for end in (one.peak.edge or (one.peak.service,))]
    for service in anomalous:
        parts.setdefault(service, "anomalous")
    for service in incident.blast_radius:
        parts.setdefault(service, "may feel it")
    near = (one for suspect in suspects for one in sorted(topology.neighbours(suspect)))
    for service in list(dict.fromkeys(one for one in near if one not in parts))[:NEAREST]:
        parts[service] = "near"
    return parts


def _columns(shown: Sequence[str], calls: Sequence[tuple[str, str]]) -> list[list[str]]:
    """Return services in columns so that most calls lead to the right."""
    depth = _depths(shown, _without_cycles(shown, calls))
    columns: list[list[str]] = []
    for level in sorted(set(depth.values())):
        here = [service for service in shown if depth[service] == level]
        columns += [here[at : at + MOST_ROWS] for at in range(0, len(here), MOST_ROWS)]
    for _ in range(ROUNDS):
        place = {one: row - len(c) / 2 for c in columns for row, one in enumerate(c)}
        columns = [sorted(column, key=_by_neighbours(calls, place)) for column in columns]
    return columns


def _by_neighbours(
    calls: Iterable[tuple[str, str]], place: Mapping[str, float]
) -> Callable[[str], tuple[float, str]]:
    around: dict[str, list[float]] = {}
    for client, server in calls:
        around.setdefault(client, []).append(place[server])
        around.setdefault(server, []).append(place[client])

    def key(service: str) -> tuple[float, str]:
        near = around.get(service, [place[service]])
        return sum(near) / len(near), service

    return key


def _without_cycles(
    shown: Sequence[str], calls: Sequence[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Return the calls without those that lead back to where one came from."""
    callees: dict[str, list[str]] = {}
    for client, server in calls:
        callees.setdefault(client, []).append(server)
    kept: list[tuple[str, str]] = []
    done: set[str] = set()
    path: set[str] = set()

    def visit(service: str) -> None:
        path.add(service)
        for callee in callees.get(service, ()):
            if callee not in path:
                kept.append((service, callee))
                if callee not in done:
                    visit(callee)
        path.discard(service)
        done.add(service)

    called = {server for _, server in calls}
    for service in sorted(shown, key=lambda one: (one in called, one)):
        if service not in done:
            visit(service)
    return kept


def _depths(shown: Sequence[str], calls: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Return the longest way to each service from one that nobody calls."""
    depth = dict.fromkeys(shown, 0)
    for _ in shown:
        changed = False
        for client, server in calls:
            if depth[server] <= depth[client]:
                depth[server] = depth[client] + 1
                changed = True
        if not changed:
            break
    return depth
