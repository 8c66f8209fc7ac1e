"""Apprise in a process of its own, started on first use and ended when it does not answer."""

import atexit
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Any

import orjson

PROGRAM = "functions.act.notifier_process"
GRACE_SECONDS = 0.5
"""How much later than it was told to the process may answer before it is ended."""


class Busy(Exception):
    """There was no time left, or no process; nothing was sent."""


class Silent(Exception):
    """The process did not answer, so nobody knows what it has sent."""


class Notifier:
    """Takes one order at a time, as one process is all the memory there is for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, order: Mapping[str, Any], seconds: float) -> Mapping[str, Any]:
        """Return what became of an order, in about so many seconds at most.

        Raises:
            Busy: others were served all the time, or the process is gone.
            Silent: there was no answer.
        """
        ends = time.monotonic() + seconds
        if seconds <= GRACE_SECONDS or not self._lock.acquire(timeout=seconds - GRACE_SECONDS):
            raise Busy
        try:
            left = ends - time.monotonic() - GRACE_SECONDS
            if left <= 0:
                raise Busy
            line = orjson.dumps({**order, "seconds": left}) + b"\n"
            answer: Mapping[str, Any] = orjson.loads(self._exchange(line, ends))
        except (OSError, ValueError) as error:
            self.end()
            raise Silent from error
        else:
            if answer["ended"]:
                self.end()
            return answer
        finally:
            self._lock.release()

    def _exchange(self, line: bytes, ends: float) -> bytes:
        process = self._running()
        if process.stdin is None or process.stdout is None:
            raise OSError("no pipes")
        try:
            process.stdin.write(line)
        except BrokenPipeError:  # it ended while it had nothing to do
            self.end()
            raise Busy from None
        received = b""
        while not received.endswith(b"\n"):
            ready, _, _ = select.select([process.stdout], [], [], max(0.0, ends - time.monotonic()))
            part = process.stdout.read(65_536) if ready else b""
            if not part:
                raise TimeoutError
            received += part
        return received

    def _running(self) -> "subprocess.Popen[bytes]":
        """Return the process, another one where it has ended."""
        process = self._process
        if process is not None and process.poll() is None:
            return process
        self.end()
        paths = os.pathsep.join(os.path.abspath(path) for path in sys.path)  # noqa: PTH100 - links stay
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, a module of ours, no shell
            [sys.executable, "-P", "-m", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={"PYTHONPATH": paths, "HOME": "/nonexistent", "LANG": "C.UTF-8"},
        )
        return self._process

    def end(self) -> None:
        """End the process, should there be one; the next order starts another."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()
        process.kill()
        process.wait()


@cache
def shared() -> Notifier:
    """Return the one notifier of this process.

    Its process ends with this one, and before a fork: two could not share its pipes, and a server
    that looked at its settings before it forks has no use for it.
    """
    notifier = Notifier()
    atexit.register(notifier.end)
    os.register_at_fork(before=notifier.end)
    return notifier
