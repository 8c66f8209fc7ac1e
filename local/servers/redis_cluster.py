"""A Redis Cluster on one machine: masters that share the slots, a replica for each."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import redis

from aiops.errors import Unavailable
from local.servers.process import free_ports
from local.servers.redis import OwnRedis, debian_redis

MASTERS = 3
SLOTS = 16_384
NODE_TIMEOUT_MS = 1_500
"""How long a node is silent before the others look for a replica to take its place."""

_READY_SECONDS = 30.0


class OwnCluster:
    """Six servers on free ports of 127.0.0.1, the first three of them masters to begin with.

    Args:
        fsync: As of one server; None keeps everything in memory.
        node_timeout_ms: When a silent node counts as failed.
    """

    def __init__(self, fsync: str | None = None, node_timeout_ms: int = NODE_TIMEOUT_MS) -> None:
        timeout = str(node_timeout_ms)
        self._folder = Path()
        self.nodes: list[OwnRedis] = []
        self._buses = free_ports(2 * MASTERS)
        for bus in self._buses:
            options = (
                *("--cluster-enabled", "yes", "--cluster-port", str(bus)),
                *("--cluster-node-timeout", timeout, "--repl-diskless-sync-delay", "0"),
            )
            self.nodes.append(debian_redis(fsync, options))
        self.url = f"redis+cluster://127.0.0.1:{self.nodes[0].port}"
        self.description = "Redis Cluster"

    def start(self, folder: Path) -> None:
        """Start all servers; data and logs go to a folder each."""
        self._folder = folder
        for place in range(len(self.nodes)):
            self.restart(place)

    def restart(self, place: int) -> None:
        """Start a server that was killed; where another took its place, it becomes a replica."""
        self.nodes[place].start(self._folder / f"node-{place}")

    def wait_ready(self) -> None:
        """Return once every slot has a master and every master a replica in step.

        Raises:
            Unavailable: not in time.
        """
        for node in self.nodes:
            node.wait_ready()
        clients: list[Any] = [redis.Redis.from_url(node.url) for node in self.nodes]
        try:
            self._join(clients)
        finally:
            for client in clients:
                client.close()
        self.description = f"{self.nodes[0].description}, {MASTERS} masters, a replica each"

    def stop(self) -> None:
        """End all servers."""
        for node in self.nodes:
            node.stop()

    def wait_promoted(self, place: int) -> None:
        """Return once a replica has taken the place of a master that was killed.

        Raises:
            Unavailable: not in time.
        """
        others = self.nodes[:place] + self.nodes[place + 1 :]
        clients: list[Any] = [redis.Redis.from_url(node.url) for node in others]
        try:
            _until(lambda: all(_info(client)["cluster_state"] == "ok" for client in clients))
            _until(lambda: sum(_leads(client) for client in clients) == MASTERS)
        finally:
            for client in clients:
                client.close()

    def _join(self, clients: list[Any]) -> None:
        masters, replicas = clients[:MASTERS], clients[MASTERS:]
        for place, client in enumerate(clients):
            client.execute_command("CLUSTER SET-CONFIG-EPOCH", place + 1)
        for place, master in enumerate(masters):
            first, end = place * SLOTS // MASTERS, (place + 1) * SLOTS // MASTERS
            master.execute_command("CLUSTER ADDSLOTSRANGE", first, end - 1)
        for node, bus in zip(self.nodes[1:], self._buses[1:], strict=True):
            clients[0].execute_command("CLUSTER MEET", "127.0.0.1", node.port, bus)
        _until(lambda: all(_info(c)["cluster_known_nodes"] == len(clients) for c in clients))
        for master, replica in zip(masters, replicas, strict=True):
            name = master.execute_command("CLUSTER MYID")
            _until(partial(_follows, replica, name))
        _until(lambda: all(_info(client)["cluster_state"] == "ok" for client in clients))
        _until(lambda: all(c.info("replication")["master_link_status"] == "up" for c in replicas))
        _until(lambda: all(c.info("replication")["connected_slaves"] == 1 for c in masters))


def _follows(client: Any, master: bytes) -> bool:
    """Return whether a server is the replica of a master, once that one is known to it."""
    try:
        client.execute_command("CLUSTER REPLICATE", master)
    except redis.ResponseError:
        return False
    return True


def _leads(client: Any) -> bool:
    return bool(client.info("replication")["role"] == "master")


def _info(client: Any) -> dict[str, Any]:
    """Return what a server says of its cluster."""
    text = client.execute_command("CLUSTER INFO")
    rows = text if isinstance(text, dict) else _rows(text.decode())
    return {name: int(value) if str(value).isdigit() else value for name, value in rows.items()}


def _rows(text: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in text.splitlines())
    return {name: value for name, _, value in pairs}


def _until(satisfied: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not satisfied():
        if time.monotonic() > deadline:
            raise Unavailable(f"Redis Cluster: not ready in {_READY_SECONDS:g} s")
        time.sleep(0.05)
