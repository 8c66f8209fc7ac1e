"""Topologies as compressed text: a tenth of what their JSON would take."""

import base64
import zlib
from collections.abc import Mapping
from typing import Any

import orjson

from aiops.seen import UNSEEN, Pair, Seen
from aiops.topology import Topology


def packed_calls(topology: Topology) -> str:
    """Return the calls as text, the same for the same calls."""
    place = {service: number for number, service in enumerate(topology.services)}
    calls = sorted(topology.calls)
    return _packed(
        {
            "services": topology.services,
            "clients": [place[client] for client, _ in calls],
            "servers": [place[server] for _, server in calls],
        }
    )


def unpacked_calls(text: str | bytes) -> Topology:
    """Return the topology that was packed."""
    found = _unpacked(text)
    services = found["services"]
    pairs = zip(found["clients"], found["servers"], strict=True)
    return Topology.of((services[client], services[server]) for client, server in pairs)


def packed_seen(topology: Topology) -> str:
    """Return what was seen of the calls as text: columns, in the order of the sorted calls."""
    rows = [topology.seen.get(pair, UNSEEN) for pair in sorted(topology.calls)]
    return _packed(
        {
            "traffic": [row.traffic for row in rows],
            "last_seen": [row.last_seen for row in rows],
            "connection": [row.connection for row in rows],
            "source": [row.source for row in rows],
        }
    )


def unpacked_seen(text: str | bytes, topology: Topology) -> Mapping[Pair, Seen]:
    """Return what was seen of the calls of the topology it was packed with."""
    found = _unpacked(text)
    columns = (found[name] for name in ("traffic", "last_seen", "connection", "source"))
    rows = zip(sorted(topology.calls), *columns, strict=True)
    return {pair: Seen(*values) for pair, *values in rows if any(v is not None for v in values)}


def _packed(content: Mapping[str, Any]) -> str:
    return base64.b64encode(zlib.compress(orjson.dumps(content), 6)).decode()


def _unpacked(text: str | bytes) -> Any:
    return orjson.loads(zlib.decompress(base64.b64decode(text)))
