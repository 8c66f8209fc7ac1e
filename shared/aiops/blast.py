"""How much of a service's requests depends on another one, by the traffic of calls."""

from collections.abc import Mapping
from typing import NamedTuple

NEGLIGIBLE = 0.01
"""A service of whose requests a smaller share depends on another is not counted as affected."""

REMEMBERED = 256
"""Services whose callers are not looked for again."""


class Affected(NamedTuple):
    """A service that suffers where another fails.

    Attributes:
        hops: Calls between the two, the fewest that count.
        share: Of its requests those that depend on the other, 0 to 1; None where no traffic is
            known.
    """

    service: str
    hops: int
    share: float | None


class Dependence:
    """What share of each service's requests lead to each service it calls, directly or not.

    A call's share is its traffic by the requests its client gets, at most 1. The client gets what
    its callers send it; where nobody is known to call it, as much as its busiest call carries. A
    call whose traffic is not known counts as one that every request needs.

    Args:
        traffic: Requests per second of every call, None where not known.
    """

    def __init__(self, traffic: Mapping[tuple[str, str], float | None]) -> None:
        asked: dict[str, float] = {}
        busiest: dict[str, float] = {}
        for (client, server), rate in traffic.items():
            if rate:
                asked[server] = asked.get(server, 0.0) + rate
                busiest[client] = max(busiest.get(client, 0.0), rate)
        self._callers: dict[str, list[tuple[str, float]]] = {}
        for (client, server), rate in sorted(traffic.items()):
            requests = asked.get(client) or busiest.get(client, 0.0)
            share = 1.0 if rate is None else min(1.0, rate / requests) if requests else 0.0
            if share >= NEGLIGIBLE:
                self._callers.setdefault(server, []).append((client, share))
        self.known = bool(traffic)
        self._found: dict[tuple[str, int], tuple[Affected, ...]] = {}

    def on(self, service: str, hops: int) -> tuple[Affected, ...]:
        """Return whose requests depend on a service over some calls, the largest share first."""
        found = self._found.get((service, hops))
        if found is None:
            found = self._look(service, hops)
            if len(self._found) >= REMEMBERED:
                self._found.clear()
            self._found[service, hops] = found
        return found

    def _look(self, service: str, hops: int) -> tuple[Affected, ...]:
        shares: Mapping[str, float] = {service: 1.0}
        distance: dict[str, int] = {service: 0}
        for step in range(1, hops + 1):
            shares = self._further(service, shares)
            for name in shares:
                distance.setdefault(name, step)
        rows = sorted((-share, distance[name], name) for name, share in shares.items())
        return tuple(Affected(name, hops, -share) for share, hops, name in rows if hops)

    def _further(self, service: str, shares: Mapping[str, float]) -> dict[str, float]:
        """Return the shares over one call more.

        A request is spared where none of the calls it leads to needs the service: 1 - the product
        of (1 - share of the call, times the share of what is called), as if these were
        independent.
        """
        spared: dict[str, float] = {}
        known, callers = spared.get, self._callers.get
        for server, share in shares.items():
            for client, part in callers(server, ()):
                spared[client] = known(client, 1.0) * (1.0 - part * share)
        enough = 1.0 - NEGLIGIBLE
        found = {name: 1.0 - one for name, one in spared.items() if one <= enough}
        found[service] = 1.0
        return found
