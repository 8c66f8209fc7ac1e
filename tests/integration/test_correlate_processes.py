"""Instances of `correlate` as processes on one real Redis: no anomaly lost, doubled or astray."""

import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from aiops import topics
from aiops.adapters.keys import Keys
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_incidents import RedisIncidents
from aiops.clock import ManualClock, SystemClock
from aiops.events import Anomaly, Incident
from aiops.incident_store import Query
from functions.correlate.intake import destination
from functions.correlate.snapshot import incident_of
from local.functions import ROOT
from tests import correlate_worker as worker
from tests.property import correlate_world as world
from tests.property.correlate_model import Model

pytestmark = pytest.mark.redis

DOMAINS = ("north", "east", "south", "west")
UNIQUE = 20_000
REPEATED = 4_000
BATCH = 40
INSTANCES = 4
SPAN_SECONDS = 6 * 3_600
REACH = (world.CONFIG.recurrence + world.CONFIG.bucket) * 1000

SWEEPERS = 8
DUE = 5_000
SECONDS = 600.0
"""How long all of it may take on a machine that has other things to do."""


def run_workers(url: str, generation: str, folder: Path, work: Sequence[Sequence[str]]) -> list:
    """Have each list of events handled by a process of its own; return all that was published."""
    environ = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'shared'}"}
    running = []
    for place, lines in enumerate(work):
        events, published = folder / f"events-{place}", folder / f"published-{place}"
        events.write_text("\n".join(lines), encoding="utf-8")
        command = [sys.executable, "-m", "tests.correlate_worker", url, generation]
        command += [str(events), str(published)]
        running.append((subprocess.Popen(command, cwd=ROOT, env=environ), published))
    try:
        for process, _ in running:
            assert process.wait(SECONDS) == 0
    finally:
        for process, _ in running:
            process.kill()
            process.wait()
    return [
        Incident.model_validate_json(line)
        for _, published in running
        for line in published.read_text(encoding="utf-8").splitlines()
    ]


def faults(domain: str, random: Random, count: int) -> dict[str, Anomaly]:
    """Return anomalies of many faults, each on one chain of services for a minute or two."""
    found: dict[str, Anomaly] = {}
    while len(found) < count:
        chain, start = random.randrange(worker.CHAINS), random.randrange(SPAN_SECONDS)
        for _ in range(random.randint(5, 80)):
            one = world.anomaly(
                f"s{chain}x{random.randrange(worker.LINKS)}",
                start + random.randrange(90),
                random.randrange(4),
                random.choice((1.2, 1.6, 3.0)),
                domain=domain,
            )
            found[one.id] = one
    return dict(list(found.items())[:count])


def test_shuffled_repeated_deliveries_to_many_processes_give_exactly_the_incidents(
    debian_redis_url: str, tmp_path: Path
) -> None:
    random, generation = Random(11), "processes:"
    anomalies = {name: faults(name, random, UNIQUE // len(DOMAINS)) for name in DOMAINS}
    lines = []
    for domain, some in anomalies.items():
        repeated = random.sample(list(some.values()), REPEATED // len(DOMAINS))
        delivered = [*some.values(), *repeated]
        random.shuffle(delivered)
        for place in range(0, len(delivered), BATCH):
            batch = delivered[place : place + BATCH]
            event = world.detected(batch, place, world.START + SPAN_SECONDS * 1000)
            lines.append(worker.row(domain, event))
    random.shuffle(lines)
    work = [lines[place::INSTANCES] for place in range(INSTANCES)]
    published = run_workers(debian_redis_url, generation, tmp_path, work)
    for domain, some in anomalies.items():
        store = RedisIncidents(connect(debian_redis_url), Keys(generation), domain)
        check_members(store, domain, some)
        check_versions(store, [one for one in published if one.domain == domain])


def check_members(store: RedisIncidents, domain: str, anomalies: dict[str, Anomaly]) -> None:
    """Compare the incidents of a domain with those of the plain model."""
    placed = store.look(Query(0, -1, tuple(anomalies))).placed
    assert placed.keys() == anomalies.keys()
    moved = store.moved(set(placed.values()))
    kept: dict[str, set[str]] = defaultdict(set)
    for anomaly, incident in placed.items():
        kept[destination(incident, moved)].add(anomaly)
    model = Model(world.CONFIG, world.linker(), [(0, worker.TOPOLOGY)], anomalies)
    assert frozenset(map(frozenset, kept.values())) == model.partition(REACH)
    records = store.incidents(tuple(kept))
    assert records.keys() == kept.keys()
    for name, members in kept.items():
        record = records[name].record
        assert (record.domain, record.anomalies) == (domain, len(members))
        assert record.opened_at == min(anomalies[one].time for one in members)
        assert sum(piece.count for piece in record.evidence) == len(members)


def check_versions(store: RedisIncidents, published: Sequence[Incident]) -> None:
    """No version was given out twice, members only grow with it, the last one is the state."""
    by_name: dict[str, dict[int, Incident]] = defaultdict(dict)
    for one in published:
        assert by_name[one.id].setdefault(one.version, one) == one, "one version, two contents"
    held = store.incidents(tuple(by_name))
    assert held.keys() == by_name.keys()
    for name, versions in by_name.items():
        grown = [versions[version].anomalies for version in sorted(versions)]
        assert grown == sorted(grown), "members were lost from one version to the next"
        assert versions[max(versions)] == incident_of(held[name].record)
        assert not held[name].dirty


def test_eight_sweepers_resolve_each_of_five_thousand_incidents_once(
    debian_redis_url: str, tmp_path: Path
) -> None:
    generation, domain = "sweepers:", "one"
    handler = worker.made(debian_redis_url, generation, domain, MemoryPublisher())
    names = [f"alone-{number}" for number in range(DUE)]
    for place in range(0, DUE, 100):
        some = [
            world.anomaly(name, place // 1_000, ratio=1.2, domain=domain)
            for name in names[place : place + 100]
        ]
        handler(world.detected(some, place))
    store = RedisIncidents(connect(debian_redis_url), Keys(generation), domain)
    due = store.quiet(1 << 52, 2 * DUE)
    assert len(due) == DUE

    handler(world.tick(3_600, processed=60))
    assert len(store.quiet(1 << 52, 2 * DUE)) == DUE, "resolved before it was all processed"

    ticks = [worker.row(domain, world.tick(3_600 + 60 * n)) for n in range(DUE // 1_024 + 1)]
    published = run_workers(debian_redis_url, generation, tmp_path, [ticks] * SWEEPERS)
    assert store.quiet(1 << 52, 2 * DUE) == ()
    left, later = MemoryPublisher(), ManualClock(SystemClock().now() + 60_000)
    worker.made(debian_redis_url, generation, domain, left, later)(world.tick(3_900))
    published += [
        Incident.model_validate_json(message.event.data)
        for message in left.topics[topics.INCIDENTS]
    ]
    resolved: dict[str, set[int]] = defaultdict(set)
    for one in published:
        if one.status == "resolved":
            resolved[one.id].add(one.version)
    assert resolved.keys() == set(due)
    assert all(len(versions) == 1 for versions in resolved.values())
    for held in store.incidents(due).values():
        assert (held.record.status, held.record.generation, held.dirty) == ("resolved", 1, False)
