"""Who calls whom: a graph of services, asked for distances and for what a fault may reach."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

MAX_BLAST_HOPS = 3
"""Beyond this nearly every service of a large system is reached, which tells nobody anything."""

_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Topology:
    """The calls between services, with their neighbours computed once.

    Attributes:
        calls: `(client, server)` pairs; a service that calls itself is not listed.
        version: 16 hexadecimal digits, the same for the same calls.
    """

    calls: frozenset[tuple[str, str]]
    version: str
    _callers: Mapping[str, frozenset[str]] = field(repr=False)
    _callees: Mapping[str, frozenset[str]] = field(repr=False)
    _near: Mapping[str, frozenset[str]] = field(repr=False)

    @classmethod
    def of(cls, calls: Iterable[tuple[str, str]]) -> "Topology":
        """Return the graph of these calls."""
        known = frozenset((client, server) for client, server in calls if client != server)
        callers: dict[str, set[str]] = {}
        callees: dict[str, set[str]] = {}
        for client, server in known:
            callers.setdefault(server, set()).add(client)
            callees.setdefault(client, set()).add(server)
        text = "\x1e".join(f"{client}\x1f{server}" for client, server in sorted(known))
        return cls(
            known,
            blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest(),
            {service: frozenset(found) for service, found in callers.items()},
            {service: frozenset(found) for service, found in callees.items()},
            {
                service: frozenset(callers.get(service, _NONE) | callees.get(service, _NONE))
                for service in {*callers, *callees}
            },
        )

    @property
    def services(self) -> Collection[str]:
        """All services that call or are called."""
        return self._near.keys()

    def callers(self, service: str) -> frozenset[str]:
        """Return the services that call it directly."""
        return self._callers.get(service, _NONE)

    def callees(self, service: str) -> frozenset[str]:
        """Return the services it calls directly."""
        return self._callees.get(service, _NONE)

    def neighbours(self, service: str) -> frozenset[str]:
        """Return the services on the other end of any call it makes or answers."""
        return self._near.get(service, _NONE)

    def degree(self, service: str) -> int:
        """Return how many services it calls or is called by; a hub has many."""
        return len(self.neighbours(service))

    def hops(self, a: str, b: str, limit: int, hub_degree: int | None = None) -> int | None:
        """Return how many calls, in either direction, lie between two services.

        Args:
            a: One service.
            b: The other; the answer is the same the other way round.
            limit: The longest way looked for, in calls.
            hub_degree: No way leads through a service with more neighbours than this.

        Returns:
            0 for the same service, None where no such way exists.
        """
        if a == b:
            return 0
        goal = self.neighbours(b)
        reached, edge = {a}, frozenset({a})
        for distance in range(1, limit + 1):
            if not edge.isdisjoint(goal):
                return distance
            if distance < limit:
                edge = self._beyond(edge, hub_degree) - reached
                reached |= edge
        return None

    def _beyond(self, edge: frozenset[str], hub_degree: int | None) -> frozenset[str]:
        """Return the neighbours of services, hubs left out."""
        found = frozenset().union(*(self.neighbours(service) for service in edge))
        if hub_degree is None:
            return found
        return frozenset(service for service in found if self.degree(service) <= hub_degree)

    def blast_radius(self, service: str, hops: int = MAX_BLAST_HOPS) -> tuple[str, ...]:
        """Return the services that call it, directly or through others, near first, then by name.

        The service itself is not among them.
        """
        reached, edge = {service}, {service}
        near_first: list[str] = []
        for _ in range(hops):
            edge = {caller for near in edge for caller in self.callers(near)} - reached
            near_first.extend(sorted(edge))
            reached |= edge
        return tuple(near_first)


EMPTY = Topology.of(())
"""What is known before any topology was observed."""
