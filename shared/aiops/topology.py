"""Who calls whom: a graph of services, asked for distances and for what a fault may reach."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b

from aiops.blast import Affected, Dependence
from aiops.closure import Closure
from aiops.seen import UNSEEN, Pair, Seen, uninstrumented

MAX_BLAST_HOPS = 3
"""Beyond this nearly every service of a large system is reached, which tells nobody anything."""

_NONE: frozenset[str] = frozenset()


class _Derived:
    """What follows from the calls, found when it is first asked for.

    Threads share it: two that ask for the same at the same time both find it.
    """

    def __init__(self, services: tuple[str, ...], callees: Mapping[str, frozenset[str]]) -> None:
        self.services = services
        self._callees = callees

    @cached_property
    def closure(self) -> Closure:
        return Closure(self.services, self._callees)


@dataclass(frozen=True, slots=True)
class Topology:
    """The calls between services, with their neighbours computed once.

    Two are equal where their calls are, whatever was seen of these.

    Attributes:
        calls: `(client, server)` pairs; a service that calls itself is not listed.
        version: 16 hexadecimal digits, the same for the same calls.
        seen: What was seen of some of the calls.
    """

    calls: frozenset[Pair]
    version: str
    _callers: Mapping[str, frozenset[str]] = field(repr=False)
    _callees: Mapping[str, frozenset[str]] = field(repr=False)
    _near: Mapping[str, frozenset[str]] = field(repr=False)
    _derived: _Derived = field(repr=False, compare=False)
    _dependence: Dependence = field(repr=False, compare=False)
    seen: Mapping[Pair, Seen] = field(repr=False, compare=False)

    @classmethod
    def of(cls, calls: Iterable[Pair], seen: Mapping[Pair, Seen] | None = None) -> "Topology":
        """Return the graph of these calls, of which something may have been seen."""
        known = frozenset((client, server) for client, server in calls if client != server)
        callers: dict[str, set[str]] = {}
        callees: dict[str, set[str]] = {}
        for client, server in known:
            callers.setdefault(server, set()).add(client)
            callees.setdefault(client, set()).add(server)
        text = "\x1e".join(f"{client}\x1f{server}" for client, server in sorted(known))
        services = tuple(sorted({*callers, *callees}))
        called = {service: frozenset(found) for service, found in callees.items()}
        plain = cls(
            known,
            blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest(),
            {service: frozenset(found) for service, found in callers.items()},
            called,
            {
                service: frozenset(callers.get(service, _NONE) | callees.get(service, _NONE))
                for service in services
            },
            _Derived(services, called),
            Dependence({}),
            {},
        )
        return plain.weighted(seen) if seen else plain

    def weighted(self, seen: Mapping[Pair, Seen]) -> "Topology":
        """Return the same graph with what was seen of its calls; of others nothing is kept."""
        here = {pair: found for pair, found in seen.items() if pair in self.calls}
        traffic = {pair: here.get(pair, UNSEEN).traffic for pair in self.calls}
        measured = any(rate is not None for rate in traffic.values())
        return replace(self, seen=here, _dependence=Dependence(traffic if measured else {}))

    @property
    def services(self) -> tuple[str, ...]:
        """All services, by name."""
        return self._derived.services

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

    def traffic(self, client: str, server: str) -> float | None:
        """Return the requests per second of a call; None where they are not known."""
        return self.seen.get((client, server), UNSEEN).traffic

    @property
    def uninstrumented(self) -> frozenset[str]:
        """The services that others speak of and that say nothing themselves, if sources tell."""
        return uninstrumented(self.seen)

    def reaches(self, client: str, server: str) -> bool:
        """Return whether calls lead from one service to another, however many."""
        return self._derived.closure.reaches(client, server)

    def dependents(self, service: str) -> int:
        """Return how many services reach it, over however many calls."""
        return self._derived.closure.dependents(service)

    def dependencies(self, service: str) -> int:
        """Return how many services it reaches, over however many calls."""
        return self._derived.closure.dependencies(service)

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

    def affected(self, service: str, hops: int = MAX_BLAST_HOPS) -> tuple[Affected, ...]:
        """Return the services that call it, directly or through others, with what is at stake.

        Where traffic is known, those of whose requests the largest share depends on the service
        come first and those with a negligible share are left out; else the near ones come first.
        The service itself is not among them.
        """
        if self._dependence.known:
            return self._dependence.on(service, hops)
        rings = self._derived.closure.callers_within(service, hops)
        return tuple(
            Affected(name, distance, None)
            for distance, ring in enumerate(rings, 1)
            for name in ring
        )

    def blast_radius(self, service: str, hops: int = MAX_BLAST_HOPS) -> tuple[str, ...]:
        """Return the names of the services it affects, in the same order."""
        return tuple(one.service for one in self.affected(service, hops))


EMPTY = Topology.of(())
"""What is known before any topology was observed."""
