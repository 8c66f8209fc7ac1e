"""Calls to columns and back."""

from collections.abc import Iterable, Iterator

from aiops.errors import Rejected
from aiops.events import Call, CallTable, TopologyObserved


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


def calls_of(observed: TopologyObserved) -> tuple[Call, ...]:
    """Return all calls of an observation, however they are written.

    Raises:
        Rejected: the table names a service or word it does not list, or an empty service.
    """
    return (*observed.calls, *_untabled(observed))


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
