"""One instance of `correlate` as a process of its own: takes events from a file, publishes to one.

Run as `python -m tests.correlate_worker URL GENERATION EVENTS PUBLISHED`.
"""

import json
import sys
import time
from pathlib import Path

from aiops.adapters.keys import Keys
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_incidents import RedisIncidents
from aiops.clock import Clock, SystemClock
from aiops.errors import Unavailable
from aiops.ports import Event, Handler
from aiops.topology import Topology
from functions.correlate.assembly import assemble
from tests.property.correlate_world import CONFIG

CHAINS = 20
LINKS = 3
TOPOLOGY = Topology.of(
    (f"s{chain}x{link}", f"s{chain}x{link + 1}")
    for chain in range(CHAINS)
    for link in range(LINKS - 1)
)


def made(
    url: str,
    generation: str,
    domain: str,
    publisher: MemoryPublisher,
    clock: Clock = SystemClock(),
) -> Handler:
    store = RedisIncidents(connect(url), Keys(generation), domain)
    return assemble(domain, store, publisher, clock, CONFIG, TOPOLOGY)


def row(domain: str, event: Event) -> str:
    """Return an event as a line of the file a worker reads."""
    return json.dumps([domain, event.id, event.type, event.time, event.data.decode()])


def main(url: str, generation: str, events: str, published: str) -> None:
    publisher = MemoryPublisher()
    handlers: dict[str, Handler] = {}
    refused = 0
    for line in Path(events).read_text(encoding="utf-8").splitlines():
        domain, name, kind, at, data = json.loads(line)
        if domain not in handlers:
            handlers[domain] = made(url, generation, domain, publisher)
        while True:
            try:
                handlers[domain](Event(name, "/test", kind, at, data.encode()))
                break
            except Unavailable:
                refused += 1
                time.sleep(0.01)
    sent = [message.event for messages in publisher.topics.values() for message in messages]
    Path(published).write_text(
        "".join(f"{event.data.decode()}\n" for event in sent), encoding="utf-8"
    )
    sys.stdout.write(f"{refused} refused, {len(sent)} published\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
