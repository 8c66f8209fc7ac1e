"""Waiting for replicas, against a primary and a replica of either server."""

import importlib
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import redis

from aiops.action_log import ActionRecord
from aiops.adapters.keys import Keys
from aiops.adapters.redis_action_log import RedisActionLog
from aiops.adapters.redis_replicas import await_replicas, replicated
from aiops.errors import Unavailable
from aiops.events import WorkDue
from aiops.ports import Counts, Event
from aiops.settings import Settings
from local.servers.redis import OwnRedis, debian_redis, embedded_redis

EVENT = Event("1", "/test", "t", 0, b"")


class Pair:
    """A primary and its replica."""

    def __init__(self, primary: OwnRedis, replica: OwnRedis) -> None:
        self.primary = redis.Redis.from_url(primary.url)
        self.replica = redis.Redis.from_url(replica.url)

    def close(self) -> None:
        self.primary.close()
        self.replica.close()

    @contextmanager
    def replica_stopped(self) -> Iterator[None]:
        pid = int(self.replica.info("server")["process_id"])
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)


@pytest.fixture(
    scope="module", params=["embedded", pytest.param("debian", marks=pytest.mark.redis)]
)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, note_server):
    make = debian_redis if request.param == "debian" else embedded_redis
    servers = make(), make()
    with ExitStack() as stack:
        for place, server in enumerate(servers):
            stack.callback(server.stop)
            server.start(tmp_path_factory.mktemp(f"redis{place}"))
            server.wait_ready()
            note_server(server.description)
        pair = Pair(*servers)
        stack.callback(pair.close)
        host, port = servers[0].url.removeprefix("redis://").removesuffix("/0").split(":")
        pair.primary.config_set("repl-diskless-sync-delay", 0)
        pair.replica.replicaof(host, port)
        deadline = time.monotonic() + 15
        while pair.primary.info("replication")["connected_slaves"] == 0 or not pair.primary.wait(
            1, 100
        ):
            assert time.monotonic() < deadline, "not replicated in time"
            time.sleep(0.05)
        yield pair


def test_what_was_waited_for_is_on_the_replica(pair: Pair) -> None:
    for number in range(50):
        pair.primary.set("n", number)
        await_replicas(pair.primary, 1)
        assert pair.replica.get("n") == b"%d" % number


def test_nothing_is_asked_where_no_replica_is_wanted(pair: Pair) -> None:
    with pair.replica_stopped():
        started = time.monotonic()
        await_replicas(pair.primary, 0)
        assert time.monotonic() - started < 0.1


def test_what_somebody_else_wrote_is_waited_for_too(pair: Pair) -> None:
    """A redelivered event finds the work done; it must not be answered for before it is safe."""
    with redis.Redis.from_url(url_of(pair)) as other:
        other.ping()
        with pair.replica_stopped():
            pair.primary.set("a", 1)
            done = replicated(lambda _: Counts(duplicate=1), other, 1)
            with pytest.raises(Unavailable, match="0 of 1 replicas"):
                done(EVENT)
        assert done(EVENT) == Counts(duplicate=1)


def test_a_missing_replica_is_a_matter_of_time_and_the_write_stays(pair: Pair) -> None:
    log = RedisActionLog(pair.primary, Keys("t:"), replicas=2)
    with pytest.raises(Unavailable, match="1 of 2 replicas"):
        log.commit(ActionRecord(incident="i"))
    assert RedisActionLog(pair.primary, Keys("t:")).read("i") is not None


@pytest.mark.parametrize("function", ["detect", "correlate", "act"])
def test_a_function_is_done_only_when_the_replicas_it_was_told_of_are(
    pair: Pair, function: str
) -> None:
    due = WorkDue(stage=function, now=1_767_225_600_000)
    tick = Event("1", "/test", due.type, due.now, due.model_dump_json().encode())
    environ = {
        "REDIS_URL": url_of(pair),
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "AIOPS_GENERATION": f"t{function}",
    }
    build = importlib.import_module(f"functions.{function}.wiring").build
    build(Settings.from_env(environ | {"REDIS_WAIT": "1"}))(tick)
    with pytest.raises(Unavailable, match="1 of 2 replicas have the state"):
        build(Settings.from_env(environ | {"REDIS_WAIT": "2"}))(tick)


def test_without_a_count_the_handler_is_handed_back_as_it_is(pair: Pair) -> None:
    def handler(event: Event) -> Counts:
        return Counts(event.id)

    assert replicated(handler, pair.primary, 0) is handler


def url_of(pair: Pair) -> str:
    return f"redis://127.0.0.1:{pair.primary.connection_pool.connection_kwargs['port']}/0"
