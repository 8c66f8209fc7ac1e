"""A child process that logs to a file, gets ready, and never outlives us."""

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from aiops.errors import Misconfigured, Unavailable

_GUARD = Path(__file__).with_name("guard.py")
TERM_SECONDS = 8.0
"""How long a process may take to end by itself before it is killed."""

_PORTS = range(15_000, 32_000)
"""Source: Linux, ip-sysctl, ip_local_port_range: 32768 to 60999 unless told otherwise."""

_BLOCK = 50

_RANDOM = random.SystemRandom()


class ChildProcess:
    """A command run as a child, in a session of its own so that Ctrl-C reaches only us.

    Start it from a thread that lives as long as it should: Linux counts the death of the thread
    that forked as the parent's death. Source: prctl(2), PR_SET_PDEATHSIG.
    """

    def __init__(
        self, name: str, command: Sequence[str], log: Path, environ: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self._command = tuple(command)
        self._log = log
        self._environ = dict(os.environ if environ is None else environ)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id, None before the start."""
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the command; its output is appended to the log.

        Raises:
            Misconfigured: the program does not exist.
        """
        self._sweep()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        guarded = [sys.executable, "-I", "-S", str(_GUARD), str(os.getpid()), *self._command]
        try:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    guarded,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=self._environ,
                    start_new_session=True,
                )
        except OSError as error:
            raise Misconfigured(f"{self.name}: {error.strerror}: {error.filename}") from None

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Return once `ready` says so.

        Raises:
            Unavailable: the process ended, or was not ready in time; the message quotes its log.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.running:
                raise Unavailable(f"{self.name}: ended while starting: {self.last_words()}")
            if time.monotonic() > deadline:
                raise Unavailable(f"{self.name}: not ready in {seconds:g} s: {self.last_words()}")
            time.sleep(0.02)

    def last_words(self) -> str:
        """Return the last line of its log that is not empty, for an error message."""
        try:
            lines = self._log.read_text(encoding="utf-8", errors="replace").split("\n")
        except OSError:
            return "no log"
        said = [line.strip() for line in lines if line.strip()]
        return f"{said[-1][:300] if said else 'nothing logged'} (log: {self._log})"

    def ask_to_stop(self) -> None:
        """Send SIGTERM, without waiting for the end."""
        if self._process is not None and self.running:
            self._process.terminate()

    def stop(self, seconds: float = TERM_SECONDS) -> None:
        """End it: SIGTERM, and SIGKILL when that does not help in time."""
        if self._process is None:
            return
        self.ask_to_stop()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """End it and what it started with SIGKILL, as a crash of the machine would."""
        self._sweep()
        if self._process is not None:
            self._process.wait()

    def suspend(self) -> None:
        """Let it hang: it keeps its connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on where it was suspended."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self.running:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def _sweep(self) -> None:
        """Kill what is left of its process group: workers outlive a master that was killed."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


class _Ports:
    """Ports for servers of this process that no other process of ours is given meanwhile.

    A port that was free when it was looked at may be given away twice before its server is up.
    So whoever needs ports keeps blocks of them to itself, by a UDP socket on the first of each:
    the system closes it when the process ends, however that happens.
    """

    def __init__(self) -> None:
        self._left: list[int] = []
        self._lock = threading.Lock()

    def take(self) -> int:
        """Return a TCP port on 127.0.0.1 that nobody listens on, another one each time.

        Raises:
            Unavailable: there is none left.
        """
        with self._lock:
            while True:
                while self._left:
                    port = self._left.pop()
                    with socket.socket() as probe, suppress(OSError):
                        probe.bind(("127.0.0.1", port))
                        return port
                self._left = self._block()

    def _block(self) -> list[int]:
        starts = range(_PORTS.start, _PORTS.stop - _BLOCK + 1, _BLOCK)
        for start in _RANDOM.sample(starts, len(starts)):
            keeper = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                keeper.bind(("127.0.0.1", start))
            except OSError:
                keeper.close()
                continue
            keeper.detach()  # open until this process ends
            return list(range(start, start + _BLOCK))
        raise Unavailable(f"127.0.0.1: every block of {_BLOCK} ports from {_PORTS} is taken")


_FREE = _Ports()


def free_ports(count: int) -> list[int]:
    """Return TCP ports on 127.0.0.1 that nobody listens on now, all different.

    They lie below those that the system gives to outgoing connections: one of these would keep
    the port of a server that is down for a moment. No other process is given them by this
    function as long as this one lives, and this one is given each once.

    Raises:
        Unavailable: there are not as many.
    """
    return [_FREE.take() for _ in range(count)]


def listens(port: int) -> bool:
    """Whether somebody accepts TCP connections on 127.0.0.1 at this port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
