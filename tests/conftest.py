"""The servers tests run against, started once and named in the report."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from local.servers.redis import choose_redis, debian_redis
from local.servers.redis_cluster import OwnCluster

settings.register_profile("busy", deadline=None)
settings.load_profile("busy")
"""A machine that does something else meanwhile takes its time over an example."""

_USED: set[str] = set()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which servers the run used."""
    used = ", ".join(sorted(_USED)) or "none: twins in memory only"
    terminalreporter.write_line(f"servers used: {used}")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker process used."""
    _USED.update(getattr(node, "workeroutput", {}).get("servers", ()))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that started this worker, where it is one."""
    told = getattr(session.config, "workeroutput", None)
    if told is not None:
        told["servers"] = sorted(_USED)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, visibly, what needs a server that is not installed."""
    missing = {
        "redis": None if shutil.which("redis-server") else "redis-server is not installed",
        "prometheus": None if shutil.which("prometheus") else "prometheus is not installed",
        "alertmanager": None
        if shutil.which("prometheus-alertmanager")
        else "prometheus-alertmanager is not installed",
        "kafka": None if shutil.which("java") and shutil.which("mvn") else "no Java or no Maven",
    }
    for item in items:
        for name, reason in missing.items():
            if reason and item.get_closest_marker(name):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def note_server() -> Iterator[object]:
    """Return a function that notes a server's description for the report."""
    return _USED.add


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of the Redis of REDIS_URL, or of one of our own."""
    yield from _running(choose_redis(), tmp_path_factory.mktemp("redis"))


@pytest.fixture(scope="session")
def debian_redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of Debian's redis-server, which is ours for this run."""
    yield from _running(debian_redis(), tmp_path_factory.mktemp("debian-redis"))


@pytest.fixture(scope="session")
def redis_cluster_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a Redis Cluster, three masters with a replica each, all ours."""
    yield from _running(OwnCluster(), tmp_path_factory.mktemp("redis-cluster"))


def _running(server, folder: Path) -> Iterator[str]:
    server.start(folder)
    try:
        server.wait_ready()
        _USED.add(server.description)
        yield server.url
    finally:
        server.stop()
