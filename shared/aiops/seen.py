"""What sources see of the calls between services."""

from collections.abc import Mapping
from dataclasses import dataclass

VIRTUAL = "virtual_node"
TRACED = (None, "messaging_system")
"""Connections, as Tempo names them: one end says nothing of itself; both do.

Source: https://grafana.com/docs/tempo/latest/metrics-from-traces/service_graphs/
"""

Pair = tuple[str, str]
"""Client and server."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a call.

    Attributes:
        traffic: Requests per second; None where they were not measured.
        last_seen: Unix milliseconds; None where nobody knows.
        connection: What lies between the two, as the source names it: `database`,
            `messaging_system` or `virtual_node`; None for a plain call.
        source: Who saw it; None where nobody said.
    """

    traffic: float | None = None
    last_seen: int | None = None
    connection: str | None = None
    source: str | None = None


UNSEEN = Seen()


def uninstrumented(calls: Mapping[Pair, Seen]) -> frozenset[str]:
    """Return the services that others speak of and that say nothing themselves.

    Such as databases behind a client's spans, users, and peers outside. A database that also shows
    as a plain server is not one of them.
    """
    heard = {client for (client, _), seen in calls.items() if seen.connection != VIRTUAL}
    heard |= {server for (_, server), seen in calls.items() if seen.connection in TRACED}
    called = {server for _, server in calls}
    silent: set[str] = set()
    for (client, server), seen in calls.items():
        if seen.connection == VIRTUAL and client not in called | heard:
            silent.add(client)
        elif seen.connection not in TRACED and server not in heard:
            silent.add(server)
    return frozenset(silent)
