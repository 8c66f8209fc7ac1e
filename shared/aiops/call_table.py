"""Calls as they travel: to columns and back, and to the graph they make."""

from collections.abc import Iterable, Iterator

from aiops.errors import Rejected
from aiops.events import Call, CallTable, TopologyObserved
from aiops.seen import UNSEEN, Pair, Seen
from aiops.topology import Topology


def tabled(calls: Iterable[Call], observed_at: int) -> CallTable:
    """Return calls as columns; what was seen later than at that time is seen at that time."""
    services: dict[str, int] = {}
    words: dict[str, int] = {}
    rows = tuple(
        (
            services.setdefault(call.client, len(services)),
            services.setdefault(call.server, len(services)),
            None if call.traffic is None else float(f"{call.traffic:.4g}"),
            None if call.last_seen is None else max(0, observed_at - call.last_seen),
            None if call.connection is None else words.setdefault(call.connection, len(words)),
            None if call.source is None else words.setdefault(call.source, len(words)),
        )
        for call in calls
    )
    return CallTable(services=tuple(services), words=tuple(words), rows=rows)


def charted(calls: Iterable[Call]) -> Topology:
    """Return the graph of calls with what was seen of them; of one named twice the last counts."""
    seen: dict[Pair, Seen] = {
        (call.client, call.server): Seen(call.traffic, call.last_seen, call.connection, call.source)
        for call in calls
    }
    return Topology.of(seen, seen)


def listed(topology: Topology) -> tuple[Call, ...]:
    """Return the calls of a graph with what was seen of them, sorted."""
    return tuple(
        Call(
            client=client,
            server=server,
            traffic=seen.traffic,
            last_seen=seen.last_seen,
            connection=seen.connection,
            source=seen.source,
        )
        for client, server in sorted(topology.calls)
        for seen in [topology.seen.get((client, server), UNSEEN)]
    )


def calls_of(observed: TopologyObserved) -> tuple[Call, ...]:
    """Return all calls of an observation, however they are written; none was seen after it.

    Raises:
        Rejected: the table names a service or word it does not list, or an empty service.
    """
    latest = observed.observed_at
    return tuple(
        call
        if call.last_seen is None or call.last_seen <= latest
        else call.model_copy(update={"last_seen": latest})
        for call in (*observed.calls, *_untabled(observed))
    )


def _untabled(observed: TopologyObserved) -> Iterator[Call]:
    table = observed.table
    if table is None:
        return
    for number, (client, server, traffic, ago, connection, source) in enumerate(table.rows):
        try:
            yield Call(
                client=table.services[client],
                server=table.services[server],
                traffic=traffic,
                last_seen=None if ago is None else max(0, observed.observed_at - ago),
                connection=None if connection is None else table.words[connection],
                source=None if source is None else table.words[source],
            )
        except (IndexError, ValueError):
            raise Rejected(f"table.rows.{number}: names what is not listed, or nothing") from None
