"""Nearness in the call graph; an edge is as near as the nearer of its two ends.

Clients that only stand for users are no end and no way: that two services have users says nothing.
"""

import re
from collections.abc import Callable, Hashable, Iterable

from aiops.cell import Site
from aiops.topology import Topology
from functions.correlate.config import CorrelateConfig
from functions.correlate.linking import REMEMBERED, Around, Link

UNKNOWN = "unknown"
"""The service of a series that names none: no two of those are known to be the same."""

BY_HOPS = (1.0, 0.8, 0.5)
"""What the same service, a direct call and a service in between weigh.

With nothing but a service in between two cells are linked only where they are of the same time.
"""

CROWD = 30
"""Services two calls away from which on being one of them says less and less.

A service of a large mesh has hundreds: some of them show anomalies at any time, and with each that
is joined its own hundreds come near, until everything is one incident.
"""

BYSTANDER = 0.5
"""How much the client has to do with what the server of a call measured of itself."""


def touched(site: Site, virtual: Callable[[str], object]) -> tuple[tuple[str, float], ...]:
    """Return the services a site speaks of, each with how much it does, sorted."""
    if site.edge is None:
        return ((site.service, 1.0),)
    client, server = site.edge
    if virtual(client):
        return ((server, 1.0),)
    share = BYSTANDER if site.role == "edge_server" else 1.0
    return tuple(sorted(((client, share), (server, 1.0))))


class Correlator:
    """Weighs how few calls lie between two sites; ways through hubs count less or not at all."""

    gate = False

    def __init__(self, config: CorrelateConfig) -> None:
        self._hub_degree = config.hub_degree
        patterns = "|".join(f"(?:{pattern})" for pattern in config.virtual_clients)
        self._virtual = re.compile(patterns or r"(?!)").fullmatch
        self._crowds: dict[tuple[str, str], int] = {}

    def keys(self, site: Site, around: Around) -> Iterable[Hashable]:
        """Return the services around a site; for a call no way leads through, that call."""
        for end, _ in touched(site, self._virtual):
            if end == UNKNOWN:
                continue
            yield end
            topology = around.topology
            for near in sorted(topology.neighbours(end)):
                yield near if self._passable(near, topology) else tuple(sorted((end, near)))

    def link(self, a: Site, b: Site, apart: int, around: Around) -> Link | None:
        """Return how near the two are in the topology; None beyond two calls."""
        near = [
            Link(link.weight * share * other_share, link.reason)
            for one, share in touched(a, self._virtual)
            for other, other_share in touched(b, self._virtual)
            if (link := self._between(one, other, around.topology)) is not None
        ]
        return max(near, key=lambda link: (link.weight, link.reason), default=None)

    def _passable(self, service: str, topology: Topology) -> bool:
        """Return whether what happens on one side of a service may come from the other."""
        return topology.degree(service) <= self._hub_degree and not self._virtual(service)

    def hops(self, one: str, other: str, topology: Topology) -> int | None:
        """Return how many calls lie between two services, at most two; None for no such way."""
        hops = topology.hops(one, other, len(BY_HOPS) - 1, self._hub_degree)
        if hops == len(BY_HOPS) - 1:
            between = topology.neighbours(one) & topology.neighbours(other)
            if not any(self._passable(service, topology) for service in between):
                return None
        return hops

    def _crowd(self, service: str, topology: Topology) -> int:
        """Return how many services are two calls away."""
        name = (topology.version, service)
        found = self._crowds.get(name)
        if found is None:
            near = topology.neighbours(service)
            ways = (topology.neighbours(n) for n in near if self._passable(n, topology))
            found = len(frozenset().union(*ways) - near - {service})
            if len(self._crowds) >= REMEMBERED:
                self._crowds.clear()
            self._crowds[name] = found
        return found

    def _between(self, one: str, other: str, topology: Topology) -> Link | None:
        if UNKNOWN in {one, other}:
            return None
        hops = self.hops(one, other, topology)
        if hops is None:
            return None
        if hops == 0:
            return Link(BY_HOPS[0], f"both on {one}")
        first, second = sorted((one, other))
        if hops > 1:
            most = max(self._crowd(one, topology), self._crowd(other, topology))
            weight = BY_HOPS[hops] / max(1.0, most / CROWD) ** 0.5
            return Link(weight, f"{first} and {second} are {hops} calls apart")
        degree = max(topology.degree(one), topology.degree(other))
        crowd = max(1.0, degree / self._hub_degree)
        if second in topology.callees(first):
            return Link(BY_HOPS[1] / crowd**0.5, f"{first} calls {second}")
        return Link(BY_HOPS[1] / crowd**0.5, f"{second} calls {first}")
