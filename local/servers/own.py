"""A server of our own: one child process, started again as often as needed."""

from collections.abc import Callable
from typing import ClassVar

from aiops.errors import Unavailable
from local.servers.process import TERM_SECONDS, ChildProcess


class OwnServer:
    """What all servers of our own have in common; how to start one is their own affair."""

    name: ClassVar[str]
    stop_seconds: ClassVar[float] = TERM_SECONDS
    """How long it may take to end by itself before it is killed."""

    def __init__(self) -> None:
        self._child: ChildProcess | None = None

    def stop(self) -> None:
        """End it."""
        if self._child is not None:
            self._child.stop(self.stop_seconds)

    def kill(self) -> None:
        """End it as a crash would."""
        if self._child is not None:
            self._child.kill()

    def suspend(self) -> None:
        """Let it hang: it keeps its connections and answers nothing."""
        if self._child is not None:
            self._child.suspend()

    def resume(self) -> None:
        """Let it go on where it was suspended."""
        if self._child is not None:
            self._child.resume()

    def _wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Return once `ready` says so.

        Raises:
            Unavailable: it was not started, ended, or was not ready in time.
        """
        if self._child is None:
            raise Unavailable(f"{self.name}: not started")
        self._child.wait_until(ready, seconds)
