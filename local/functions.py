"""Functions as processes: functions-framework, as in the image, from func.yaml."""

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import urllib3

from local.func_file import FuncFile, resolve_all
from local.servers.process import ChildProcess, free_ports

ROOT = Path(__file__).resolve().parent.parent
_READY_SECONDS = 30.0
_CLOSE = {"Connection": "close"}
"""gunicorn waits for idle connections when it stops."""


@dataclass(frozen=True, slots=True)
class Values:
    """What references in func.yaml stand for on this machine.

    Attributes:
        secrets: Secret name to key to value.
        config_maps: ConfigMap name to key to value.
        environ: Variables set over those of func.yaml, for every function.
        idle: Names of functions that have nothing to do here and are not started.
    """

    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    config_maps: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    idle: frozenset[str] = frozenset()


Launch = Callable[[Path, Mapping[str, str]], tuple[Sequence[str], Mapping[str, str]]]
"""Returns command and variables of a function, given its folder and what func.yaml gives it."""


def from_sources(
    folder: Path, environ: Mapping[str, str]
) -> tuple[Sequence[str], Mapping[str, str]]:
    """Start a function where it stands, with the Python we run on."""
    source = str(folder / "main.py")
    return [sys.executable, "-m", "functions_framework", "--source", source], environ


class FunctionProcess:
    """One instance of a function: gunicorn behind functions-framework, on a port of its own.

    Args:
        folder: The function's folder, with `main.py` and `func.yaml`.
        func: The func.yaml that was read.
        environ: The whole environment, apart from the port.
        log: The file its output goes to.
        launch: Says how it is started; from the sources where not given.
    """

    def __init__(
        self,
        folder: Path,
        func: FuncFile,
        environ: Mapping[str, str],
        log: Path,
        launch: "Launch | None" = None,
    ) -> None:
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self.log = log
        self._readiness = self.url + func.deploy.health_endpoints.readiness
        self._pool = urllib3.PoolManager(timeout=1.0, retries=False)
        command, variables = (launch or from_sources)(folder, environ)
        self._child = ChildProcess(
            func.name, command, log, {**variables, "PORT": str(port), "HOST": "127.0.0.1"}
        )

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._child.running

    @property
    def pid(self) -> int | None:
        """Id of the gunicorn master, None before the start."""
        return self._child.pid

    def start(self) -> None:
        """Start the process, again where it was stopped; port and URL stay."""
        self._child.start()

    def wait_ready(self) -> None:
        """Return once the readiness probe answers 200.

        Raises:
            Unavailable: it ended, or is not ready in time; the message quotes its log.
        """
        self._child.wait_until(self._ready, _READY_SECONDS)

    def ask_to_stop(self) -> None:
        """Send SIGTERM: requests in flight are finished."""
        self._child.ask_to_stop()

    def stop(self) -> None:
        """End it, by force when it does not."""
        self._child.stop()

    def kill(self) -> None:
        """End it as a crash would."""
        self._child.kill()

    def kill_workers(self) -> int:
        """End the processes that serve requests as a crash would; the master starts others.

        Returns:
            How many there were.
        """
        return _signal(_children(self.pid), signal.SIGKILL)

    def suspend_workers(self) -> int:
        """Let the processes that serve requests stand still where they are; return how many."""
        return _signal(_children(self.pid), signal.SIGSTOP)

    def resume_workers(self) -> int:
        """Let them go on, as if no time had passed; return how many."""
        return _signal(_children(self.pid), signal.SIGCONT)

    def _ready(self) -> bool:
        try:
            return self._pool.request("GET", self._readiness, headers=_CLOSE).status == 200
        except urllib3.exceptions.HTTPError:
            return False


def _signal(workers: Sequence[int], number: signal.Signals) -> int:
    """Send a signal to processes; return how many there were."""
    sent = 0
    for worker in workers:
        with suppress(ProcessLookupError):
            os.kill(worker, number)
            sent += 1
    return sent


def _children(process: int | None) -> list[int]:
    """Return the children of a process. Source: proc(5), /proc/pid/task/tid/children."""
    try:
        listed = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(child) for child in listed.split()]


def environment(folder: Path, func: FuncFile, values: Values, mounts: Path) -> dict[str, str]:
    """Return the environment of a function, its ConfigMap volumes written below `mounts`.

    A variable whose value is a volume's path gets the folder it was written to.

    Raises:
        Misconfigured: a reference has no value here; the message names file, variable, reference.
    """
    where = str(folder / "func.yaml")
    folders = {
        volume.path: _mount(mounts, volume.config_map, values)
        for volume in func.run.volumes
        if volume.config_map
    }
    found = {
        name: values.environ.get(name) or value
        for variable in func.run.envs
        for name, value in resolve_all(
            variable, where, os.environ, values.secrets, values.config_maps
        ).items()
    }
    mounted = {name: str(folders.get(value, value)) for name, value in found.items()}
    return _inherited() | mounted | dict(values.environ)


def start_all(processes: Sequence[FunctionProcess]) -> None:
    """Start processes side by side and return once all are ready.

    Raises:
        Unavailable: one ended or was not ready in time.
    """
    for process in processes:
        process.start()
    for process in processes:
        process.wait_ready()


def stop_all(processes: Sequence[FunctionProcess]) -> None:
    """Ask all to stop, then see to it that they do."""
    for process in processes:
        process.ask_to_stop()
    for process in processes:
        process.stop()


def _inherited() -> dict[str, str]:
    """Return what a process needs of ours: nothing that configures a function."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}
    paths = [str(ROOT), str(ROOT / "shared")]
    return kept | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}


def _mount(mounts: Path, config_map: str, values: Values) -> Path:
    folder = mounts / config_map
    folder.mkdir(parents=True, exist_ok=True)
    for key, content in values.config_maps.get(config_map, {}).items():
        (folder / key).write_text(content, encoding="utf-8")
    return folder
