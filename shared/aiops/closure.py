"""Who reaches whom over calls: any number of them, or at most a few.

Sets of services are integers, one bit a service, so that a union is one operation however large
the sets are. Strongly connected services reach the same; they are treated as one.

Source: Tarjan, Depth-first search and linear graph algorithms, SIAM J. Comput. 1 (1972).
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

Calls = Mapping[int, Sequence[int]]


class Closure:
    """The transitive closure of a graph of services, computed once.

    Args:
        services: All of them, in the order in which they are listed in answers.
        callees: Of each that calls any, whom it calls.
    """

    def __init__(self, services: Sequence[str], callees: Mapping[str, frozenset[str]]) -> None:
        self._services = tuple(services)
        self._place = {service: place for place, service in enumerate(self._services)}
        down: dict[int, list[int]] = {
            self._place[client]: [self._place[server] for server in servers]
            for client, servers in callees.items()
        }
        up: dict[int, list[int]] = {}
        for client, servers in down.items():
            for server in servers:
                up.setdefault(server, []).append(client)
        self._up = up
        knots = _knots(len(self._services), down)
        # A knot is found after all it calls, so each is finished before it is needed.
        self._below = _reached(knots, down)
        self._above = _reached(knots[::-1], up)
        self._rings: list[list[int]] = [[1 << place for place in range(len(self._services))]]

    def reaches(self, client: str, server: str) -> bool:
        """Return whether calls lead from one service to another; every service reaches itself."""
        here, there = self._place.get(client), self._place.get(server)
        if here is None or there is None:
            return client == server
        return bool(self._below[here] >> there & 1)

    def dependents(self, service: str) -> int:
        """Return how many other services reach it."""
        place = self._place.get(service)
        return 0 if place is None else self._above[place].bit_count() - 1

    def dependencies(self, service: str) -> int:
        """Return how many other services it reaches."""
        place = self._place.get(service)
        return 0 if place is None else self._below[place].bit_count() - 1

    def callers_within(self, service: str, hops: int) -> tuple[tuple[str, ...], ...]:
        """Return who calls a service over just one call, just two, and so on, in order."""
        place = self._place.get(service)
        if place is None:
            return ((),) * hops
        found = [ring[place] for ring in self._within(hops)]
        return tuple(self._names(far & ~near) for near, far in pairwise(found))

    def _within(self, hops: int) -> list[list[int]]:
        """Return, for each number of calls from 0 on, whom each service is reached by."""
        rings = self._rings
        while len(rings) <= hops:
            last = rings[-1]
            widened = last.copy()
            for server, clients in self._up.items():
                bits = last[server]
                for client in clients:
                    bits |= last[client]
                widened[server] = bits
            # Threads that get here at the same time make the same, and one of them is kept.
            rings = [*rings, widened]
        if len(rings) > len(self._rings):
            self._rings = rings
        return rings[: hops + 1]

    def _names(self, bits: int) -> tuple[str, ...]:
        digits = bin(bits)[:1:-1]
        found: list[str] = []
        place = digits.find("1")
        while place >= 0:
            found.append(self._services[place])
            place = digits.find("1", place + 1)
        return tuple(found)


def _reached(knots: Sequence[Sequence[int]], along: Calls) -> list[int]:
    """Return the bits of all that each node reaches, given its neighbours' knots come first."""
    found = [0] * sum(map(len, knots))
    for knot in knots:
        bits = 0
        for node in knot:
            bits |= 1 << node
            for near in along.get(node, ()):
                bits |= found[near]
        for node in knot:
            found[node] = bits
    return found


def _knots(count: int, along: Calls) -> list[list[int]]:
    """Return the strongly connected components, each after all that it leads to."""
    search = _Search(count, along)
    for root in range(count):
        if not search.order[root]:
            search.descend(root)
    return search.knots


class _Search:
    """Tarjan's search, with a stack of its own in place of recursion."""

    def __init__(self, count: int, along: Calls) -> None:
        self.order = [0] * count
        self.knots: list[list[int]] = []
        self._along = along
        self._low = [0] * count
        self._number = 0
        self._open: list[int] = []
        self._is_open = [False] * count

    def descend(self, root: int) -> None:
        """Search from a node that was not reached yet."""
        path = [self._enter(root)]
        while path:
            node, ways = path[-1]
            deeper = self._follow(node, ways)
            if deeper is not None:
                path.append(self._enter(deeper))
                continue
            path.pop()
            if path:
                above = path[-1][0]
                self._low[above] = min(self._low[above], self._low[node])
            if self._low[node] == self.order[node]:
                self._close(node)

    def _enter(self, node: int) -> tuple[int, Iterator[int]]:
        self._number += 1
        self.order[node] = self._low[node] = self._number
        self._open.append(node)
        self._is_open[node] = True
        return node, iter(self._along.get(node, ()))

    def _follow(self, node: int, ways: Iterator[int]) -> int | None:
        """Return the next node that was not reached yet."""
        for near in ways:
            if not self.order[near]:
                return near
            if self._is_open[near]:
                self._low[node] = min(self._low[node], self.order[near])
        return None

    def _close(self, node: int) -> None:
        place = len(self._open) - 1
        while self._open[place] != node:
            place -= 1
        knot = self._open[place:]
        del self._open[place:]
        for one in knot:
            self._is_open[one] = False
        self.knots.append(knot)
