"""The proxy as a process of its own: one relay per link, and a port to give it orders.

`python -m local.chaos.proxy PLAN`, where PLAN is JSON: `{"seed": n, "control": port, "links":
{name: {"port": port, "upstreams": [[host, port], …]}}}`. An order is a line, `cut NAME`,
`swallow NAME`, `sever NAME PORT` or `counts`; each is answered by a line of JSON with the counts of
every link.
"""

import asyncio
import json
import sys
from random import Random
from typing import Any

from local.chaos.relay import Relay

HOST = "127.0.0.1"
ORDERS = frozenset(("cut", "swallow", "sever"))


async def serve(plan: dict[str, Any]) -> None:
    """Relay, and take orders, until the process is ended."""
    random = Random(plan["seed"])
    loop = asyncio.get_running_loop()
    relays: dict[str, Relay] = {}
    for name, link in plan["links"].items():
        relays[name] = Relay([(host, port) for host, port in link["upstreams"]], random)
        await loop.create_server(relays[name], HOST, link["port"], backlog=512)

    async def obey(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := (await reader.readline()).decode().split():
            if line[0] in ORDERS:
                getattr(relays[line[1]], line[0])(*map(int, line[2:]))
            counts = {name: dict(relay.counts) for name, relay in relays.items()}
            writer.write(json.dumps(counts).encode() + b"\n")
            await writer.drain()
        writer.close()

    control = await asyncio.start_server(obey, HOST, plan["control"])
    await control.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(json.loads(sys.argv[1])))
