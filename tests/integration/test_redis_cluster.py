"""Redis Cluster: a master killed in the middle, and what that takes."""

import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import redis

from aiops.adapters.keys import Keys
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_incidents import RedisIncidents
from aiops.adapters.redis_replicas import await_replicas, replicated
from aiops.clock import SystemClock
from aiops.errors import Misconfigured, Unavailable
from aiops.incident_store import Query
from bench.failover import LAG_SECONDS, cluster_failed_over
from functions.correlate.intake import destination
from local.servers.redis import choose_redis
from local.servers.redis_cluster import MASTERS, OwnCluster
from tests.property import correlate_world as world
from tests.property.correlate_model import Model

pytestmark = pytest.mark.redis

REPLICATION_SECONDS = 1.0
"""What a replica that does not stand still is behind at most, on a busy machine."""


@pytest.fixture
def cluster(tmp_path: Path, note_server) -> Iterator[OwnCluster]:
    started = OwnCluster("everysec")
    try:
        started.start(tmp_path)
        started.wait_ready()
        note_server(started.description)
        yield started
    finally:
        started.stop()


@pytest.mark.parametrize("lagging", [False, True])
def test_a_failover_takes_at_most_what_its_replica_was_behind(lagging: bool) -> None:
    loss = cluster_failed_over(0, lagging=lagging)
    assert loss.milliseconds <= 1000 * (LAG_SECONDS * lagging + REPLICATION_SECONDS)


def test_a_failover_takes_nothing_that_a_replica_was_waited_for() -> None:
    assert cluster_failed_over(1, lagging=True).lost == 0


@pytest.mark.parametrize("replicas", [0, 1])
def test_incidents_outlive_their_master_and_the_topic_brings_back_the_rest(
    cluster: OwnCluster, replicas: int
) -> None:
    client = connect(cluster.url)
    keys = Keys(f"failover{replicas}:")
    store = RedisIncidents(client, keys, "test")
    publisher = MemoryPublisher()
    handler = replicated(world.make(store, publisher, SystemClock()), client, replicas)
    random = Random(5)
    found = {one.id: one for _ in range(80) for one in world.some_anomalies(random, 8)}
    anomalies = list(found.values())
    events = [
        world.detected(anomalies[place : place + 3], place) for place in range(0, len(anomalies), 3)
    ]
    leader = client.get_node_from_key(keys.incidents("test")[0])
    place = next(n for n, node in enumerate(cluster.nodes) if node.port == leader.port)
    assert place < MASTERS

    half = len(events) // 2
    for event in events[:half]:
        deliver(handler, event)
    cluster.nodes[place].kill()
    cluster.wait_promoted(place)
    cluster.restart(place)
    for event in events[half:]:
        deliver(handler, event)
    lost = sum(deliver(handler, event)["accepted"] for event in events)
    assert lost == 0 or not replicas

    model = Model(world.CONFIG, world.linker(), [(0, world.TOPOLOGY)])
    model.anomalies = found
    placed = store.look(Query(0, 0, tuple(model.anomalies))).placed
    moved = store.moved(set(placed.values()))
    kept: dict[str, set[str]] = {}
    for anomaly, incident in placed.items():
        kept.setdefault(destination(incident, moved), set()).add(anomaly)
    assert frozenset(map(frozenset, kept.values())) == model.partition()


def deliver(handler, event, seconds: float = 60.0):
    """Deliver an event until it is answered for."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return handler(event)
        except Unavailable:
            assert time.monotonic() < deadline, "not answered for in time"
            time.sleep(0.05)


def test_every_master_is_waited_for(cluster: OwnCluster) -> None:
    client = connect(cluster.url)
    await_replicas(client, 1)
    for replica in cluster.nodes[MASTERS:]:
        replica.suspend()
        try:
            with pytest.raises(Unavailable, match="0 of 1 replicas"):
                await_replicas(client, 1)
        finally:
            replica.resume()
        deadline = time.monotonic() + 30
        while True:
            try:
                await_replicas(client, 1)
                break
            except Unavailable:
                assert time.monotonic() < deadline, "the replica does not come back"


def test_a_cluster_that_would_forget_state_is_refused(cluster: OwnCluster) -> None:
    with redis.Redis.from_url(cluster.nodes[0].url) as node:
        node.config_set("maxmemory", "64mb")
        node.config_set("maxmemory-policy", "allkeys-lru")
    with pytest.raises(Misconfigured, match="allkeys-lru"):
        connect(cluster.url)


def test_the_pipeline_on_this_machine_finds_a_cluster_of_somebody_else(
    cluster: OwnCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", cluster.url)
    found = choose_redis()
    found.wait_ready()
    assert found.description.startswith("Redis ")


def test_a_cluster_that_is_away_is_a_matter_of_time(cluster: OwnCluster) -> None:
    cluster.stop()
    with pytest.raises(Unavailable, match="Redis: "):
        connect(cluster.url)
