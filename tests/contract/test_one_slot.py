"""Whatever happens in a domain touches one hash slot, its own: seen from the server."""

import threading
from uuid import uuid4

import pytest
from redis.crc import key_slot

from aiops.adapters.keys import Keys
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_incidents import RedisIncidents
from aiops.clock import ManualClock
from aiops.events import CommandGiven, SilenceGiven, SilenceLifted
from functions.correlate.assembly import assemble
from functions.correlate.config import CorrelateConfig
from tests.function.test_correlate import fact, observed
from tests.property.correlate_world import START, anomaly, changed, detected, tick

DOMAINS = ("test", "eu-west", "tenant:7")


def everything(domain):
    """Yield one of each event a domain handles, and what merges, resolves and repeats."""
    told = {
        "domain": domain, "silence": "s", "starts": START, "ends": START + 9, "given_by": "ann",
        "given_at": START,
    }  # fmt: skip
    yield observed(0, ("a", "b"), ("b", "c"), domain=domain)
    found = [anomaly(name, at, domain=domain) for name, at in (("a", 0), ("c", 5), ("b", 9))]
    yield from (detected([one], n, START + 10_000) for n, one in enumerate(found))
    yield detected(found, 9, START + 10_000)
    yield changed("a", 3, "v1")
    yield fact(SilenceGiven(**told), 10)
    yield fact(SilenceLifted(domain=domain, silence="s", lifted_by="ann", lifted_at=START), 11)
    yield tick(60)
    yield fact(
        CommandGiven(
            incident="none", command="resolve", given_by="ann", given_at=START
        ), 70
    )  # fmt: skip
    yield tick(900)


@pytest.fixture
def keys_touched(redis_url):
    """Return a function that returns the keys a server sees touched while another runs."""

    def watch(run):
        client = connect(redis_url)
        keys, end, ready = set(), f"end-{uuid4().hex}", threading.Event()

        def listen():
            with connect(redis_url).monitor() as monitor:
                ready.set()
                for seen in monitor.listen():
                    words = seen["command"].split()
                    if end in words:
                        return
                    keys.update(word for word in words if word.startswith("aiops:"))

        listener = threading.Thread(target=listen)
        listener.start()
        assert ready.wait(30)
        run()
        client.echo(end)
        listener.join(30)
        assert not listener.is_alive()
        return keys

    return watch


def test_the_events_of_a_domain_touch_one_slot_and_domains_do_not_share_one(
    redis_url, keys_touched
):
    slots = {}
    for domain in DOMAINS:
        names = Keys(f"t{uuid4().hex}:")
        store = RedisIncidents(connect(redis_url), names, domain)
        handler = assemble(domain, store, MemoryPublisher(), ManualClock(START), CorrelateConfig())

        def run(handler=handler, domain=domain):
            for event in everything(domain):
                handler(event)

        touched = keys_touched(run)
        assert touched == set(names.incidents(domain)), "every key, and no other"
        (slots[domain],) = {key_slot(key.encode()) for key in touched}
    assert len(set(slots.values())) == len(DOMAINS)
