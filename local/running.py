"""Functions that somebody else runs, such as a container, and that events are delivered to."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import urllib3

from aiops.errors import Misconfigured, Unavailable
from local.func_file import load_functions

READY_SECONDS = 60.0
"""How long all of them may take together until they answer."""

_LOOK_SECONDS = 0.2


def wait_answering(functions: Path, running: Mapping[str, Sequence[str]]) -> None:
    """Return once the readiness probe of every instance answers 200.

    Args:
        functions: Folder of the functions, whose func.yaml names the probe.
        running: URLs of each function's instances.

    Raises:
        Misconfigured: there is no function of that name.
        Unavailable: one does not answer in time; the message names it.
    """
    probes = {
        func.name: func.deploy.health_endpoints.readiness
        for func in load_functions(functions).values()
    }
    deadline = time.monotonic() + READY_SECONDS
    with urllib3.PoolManager(timeout=1.0, retries=False) as pool:
        for name, urls in running.items():
            if name not in probes:
                raise Misconfigured(f"{name}: there is no such function")
            for url in urls:
                _wait(pool, name, url, url.rstrip("/") + probes[name], deadline)


def _wait(pool: urllib3.PoolManager, name: str, url: str, probe: str, deadline: float) -> None:
    while not _ready(pool, probe):
        if time.monotonic() > deadline:
            raise Unavailable(f"{name}: not ready at {url} after {READY_SECONDS:g} s")
        time.sleep(_LOOK_SECONDS)


def _ready(pool: urllib3.PoolManager, probe: str) -> bool:
    try:
        return pool.request("GET", probe).status == 200
    except urllib3.exceptions.HTTPError:
        return False
