"""Servers that are killed or hang, one after the other, and come back."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Protocol

from local.chaos.agenda import Agenda

log = logging.getLogger(__name__)

GAP_SECONDS = (3.0, 6.0)
AWAY_SECONDS = (0.7, 1.5)
HANG_SECONDS = (1.5, 3.5)
ONE_MINUTE = (("redis", "kill"), ("kafka", "hang"), ("kafka", "kill"), ("redis", "hang")) * 2
"""The outages of a minute; each begins some seconds after the one before it is over."""


class Server(Protocol):
    """A server of ours that can be hurt."""

    def start(self, folder: Path) -> None:
        """Start it, again where it was killed."""

    def wait_ready(self) -> None:
        """Return once it answers."""

    def kill(self) -> None:
        """End it as a crash would."""

    def suspend(self) -> None:
        """Let it hang."""

    def resume(self) -> None:
        """Let it go on."""


class Outages:
    """The outages of a run; each kind happens at least once.

    Args:
        random: Draws how long everything takes.
        servers: Those that can be hurt, by name, with the folder they are started in.
        minutes: How long the input takes.

    Attributes:
        counts: By `server kind`.
    """

    def __init__(
        self,
        random: Random,
        agenda: Agenda,
        servers: Mapping[str, tuple[Server, Path]],
        minutes: float,
    ) -> None:
        self._random = random
        self._agenda = agenda
        self._servers = servers
        due = [outage for outage in ONE_MINUTE if outage[0] in servers]
        wanted = max(round(len(due) * minutes), len(set(due)))
        self._to_come = (due * (1 + wanted // len(due)))[:wanted]
        self._going_on: Callable[[], None] | None = None
        self.counts: Counter[str] = Counter()

    @property
    def left(self) -> int:
        """How many are still to come, one that is going on included."""
        return len(self._to_come) + (self._going_on is not None)

    def start(self) -> None:
        """Let the first begin soon."""
        self._agenda.add(self._random.uniform(*GAP_SECONDS), self._begin)

    def stop(self) -> None:
        """End one that is going on, begin no other, and return once the servers answer.

        Raises:
            Unavailable: a server does not come back.
        """
        self._to_come.clear()
        if self._going_on is not None:
            self._going_on()
        for server, _ in self._servers.values():
            server.wait_ready()

    def _begin(self) -> None:
        if not self._to_come:
            return
        name, kind = self._to_come.pop(0)
        server, folder = self._servers[name]
        self.counts[f"{name} {kind}"] += 1
        log.info("%s: %s", name, kind)
        if kind == "kill":
            server.kill()
        else:
            server.suspend()

        def end() -> None:
            if self._going_on is not end:
                return
            self._going_on = None
            if kind == "kill":
                server.start(folder)
            else:
                server.resume()
            log.info("%s: back", name)
            self.start()

        self._going_on = end
        self._agenda.add(
            self._random.uniform(*(AWAY_SECONDS if kind == "kill" else HANG_SECONDS)), end
        )
