"""Fits in a process of their own, within limits of time and memory."""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from functions.train import frames
from functions.train.finding import Finding
from functions.train.fit import DAY_MS, Beat
from functions.train.procedure import Outcome, Task

MIB = 1 << 20
_WATCH_SECONDS = 0.05
_TELL_SECONDS = 5.0
"""How often a fit that says nothing itself is told of."""

_MOST_FITS = 200
"""Fits after which a worker is replaced, whatever its libraries kept of them."""

COMMAND = (
    "/usr/bin/env",
    "OMP_NUM_THREADS=1",
    "OPENBLAS_NUM_THREADS=1",
    "MKL_NUM_THREADS=1",
    sys.executable,
    "-m",
    "functions.train.worker",
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one fit may use.

    Attributes:
        seconds: Of real time.
        memory: Bytes of the worker and what it starts, together.
    """

    seconds: float
    memory: int


@dataclass(frozen=True, slots=True)
class Done:
    """A fit that came to an end.

    Attributes:
        peak: Most bytes of memory seen in use while it ran.
    """

    outcome: Outcome
    seconds: float
    peak: int


class Fitter(Protocol):
    """Somewhere models are fitted."""

    def fit(self, task: Task, limits: Limits, beat: Beat) -> Done:
        """Return how a fit ended; one that hangs or takes too much has ended, too."""


class Workshop:
    """One worker, kept for the next fit, replaced when it was ended; not safe between threads.

    Args:
        timer: Seconds of real time.
        command: Starts a worker; the memory it may use is added.
    """

    def __init__(
        self, timer: Callable[[], float] = time.monotonic, command: Sequence[str] = COMMAND
    ) -> None:
        self._timer = timer
        self._command = command
        self._worker: subprocess.Popen[bytes] | None = None
        self._fits = 0
        self._memory = 0

    def fit(self, task: Task, limits: Limits, beat: Beat) -> Done:
        """Return how a fit ended."""
        started = self._timer()
        worker = self._started(limits.memory)
        watch = _Watch(worker, started, limits, self._timer, beat)
        try:
            outcome = watch.outcome(_framed(task, limits))
        except _Ended as end:
            self.close()
            outcome = Outcome("failed", task.detector, str(end), task.now + DAY_MS)
        self._fits += 1
        if self._fits >= _MOST_FITS or (outcome.state == "failed" and watch.peak > limits.memory):
            self.close()
        return Done(outcome, self._timer() - started, watch.peak)

    @property
    def pid(self) -> int | None:
        """Id of the worker, None while there is none."""
        return None if self._worker is None else self._worker.pid

    def close(self) -> None:
        """End the worker and everything it started."""
        worker, self._worker, self._fits = self._worker, None, 0
        if worker is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        for pipe in (worker.stdin, worker.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()

    def _started(self, memory: int) -> "subprocess.Popen[bytes]":
        if self._worker is not None and (self._worker.poll() is not None or self._memory != memory):
            self.close()
        if self._worker is None:
            self._memory = memory
            self._worker = subprocess.Popen(  # noqa: S603 - our own module
                [*self._command, str(memory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
                bufsize=0,
            )
        return self._worker


class _Ended(Exception):
    """A fit that has no answer; the message says why."""


class _Watch:
    """Waits for one answer, and looks at time and memory meanwhile."""

    def __init__(
        self,
        worker: "subprocess.Popen[bytes]",
        started: float,
        limits: Limits,
        timer: Callable[[], float],
        beat: Beat,
    ) -> None:
        self._worker, self._started, self._limits = worker, started, limits
        self._timer, self._beat = timer, beat
        self._arrived = frames.Unframed()
        self._doing, self._told = "begun", started
        self.peak = 0

    def outcome(self, task: bytes) -> Outcome:
        """Send a task and return what came of it.

        Raises:
            _Ended: it took too long or too much, or its worker ended.
        """
        inlet, outlet = self._worker.stdin, self._worker.stdout
        if inlet is None or outlet is None:
            raise _Ended("the worker has no pipes")
        os.set_blocking(inlet.fileno(), False)
        left = memoryview(task)
        with selectors.DefaultSelector() as selector:
            selector.register(outlet, selectors.EVENT_READ)
            selector.register(inlet, selectors.EVENT_WRITE)
            while True:
                self._look()
                for key, _ in selector.select(_WATCH_SECONDS):
                    if key.fileobj is inlet:
                        left = left[self._sent(left) :]
                        if not left:
                            selector.unregister(inlet)
                        continue
                    found = self._received(outlet.fileno())
                    if found is not None:
                        self._look()
                        return found

    def _sent(self, left: memoryview) -> int:
        try:
            return os.write(self._worker.stdin.fileno(), left)  # type: ignore[union-attr] # has one
        except BrokenPipeError:
            raise _Ended(self._how_it_ended()) from None

    def _received(self, outlet: int) -> Outcome | None:
        arrived = os.read(outlet, 1 << 20)
        if not arrived:
            raise _Ended(self._how_it_ended())
        try:
            found = self._arrived.take(arrived)
        except ValueError:
            raise _Ended("the worker said what is no answer") from None
        for head, body in found:
            if "outcome" in head:
                return _read(head["outcome"], body)
            self._doing = str(head.get("beat"))
            self._beat(self._doing)
        return None

    def _look(self) -> None:
        self.peak = max(self.peak, memory_of(self._worker.pid))
        if self.peak > self._limits.memory:
            raise _Ended(
                f"took {self.peak / MIB:.0f} MiB of memory, a fit may use"
                f" {self._limits.memory / MIB:.0f}"
            )
        passed = self._timer() - self._started
        if self._timer() - self._told >= _TELL_SECONDS:
            self._told = self._timer()
            self._beat(f"{self._doing}; {passed:.0f} s, {self.peak / MIB:.0f} MiB")
        if passed > self._limits.seconds:
            raise _Ended(f"took longer than the {self._limits.seconds:g} s a fit may")

    def _how_it_ended(self) -> str:
        status = self._worker.wait()
        if status < 0:
            return f"the worker was ended by {signal.Signals(-status).name}"
        return f"the worker ended with status {status}"


def memory_of(process: int) -> int:
    """Return the resident bytes of a process and all it started.

    Source: proc(5), /proc/pid/statm and /proc/pid/task/tid/children.
    """
    total, open_processes = 0, [process]
    while open_processes:
        pid = open_processes.pop()
        with suppress(OSError, IndexError):
            statm = Path(f"/proc/{pid}/statm").read_text(encoding="ascii")
            total += int(statm.split()[1]) * _PAGE
            for listed in Path(f"/proc/{pid}/task").glob("*/children"):
                open_processes += [int(child) for child in listed.read_text("ascii").split()]
    return total


_PAGE = os.sysconf("SC_PAGE_SIZE")


def _framed(task: Task, limits: Limits) -> bytes:
    head = {
        "series": task.series,
        "detector": task.detector,
        "params": dict(task.params),
        "now": task.now,
        "seconds": limits.seconds,
    }
    return frames.pack(head, b"".join(task.history.chunks().values()))


def _read(head: dict[str, Any], artefact: bytes) -> Outcome:
    finding = head.pop("finding")
    return Outcome(
        **head, artefact=artefact, finding=None if finding is None else Finding(**finding)
    )
