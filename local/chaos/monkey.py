"""Does the damage: kills, hangs, restarts and cuts, drawn from a seed, until it is told to stop.

It works on the thread that calls it, because children end with the thread that started them.
"""

import heapq
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from typing import Protocol

from local.chaos.links import Links
from local.functions import FunctionProcess
from local.receiver import Receiver

log = logging.getLogger(__name__)

WORKER_SECONDS = 0.5
FUNCTION_SECONDS = 2.2
CUT_SECONDS = 0.6
SWALLOW_SECONDS = 0.5
REFUSE_SECONDS = 2.5
"""How often each happens, on average."""

OUTAGE_GAP_SECONDS = (3.0, 6.0)
AWAY_SECONDS = (0.7, 1.5)
HANG_SECONDS = (1.5, 3.5)
BUSY = frozenset(("redis", "kafka", "aiops-detect"))
"""Links of which connections are troubled twice as often as of the others."""

CHANNELS = ("pagerduty", "slack", "webhook")
ONE_MINUTE = (("redis", "kill"), ("kafka", "hang"), ("kafka", "kill"), ("redis", "hang")) * 2
"""The outages of a minute; each begins some seconds after the one before it is over."""

TARGETS = ("aiops-detect", "aiops-correlate", "aiops-act") * 3 + ("aiops-collect",)


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


@dataclass(slots=True)
class Damage:
    """What was done.

    Attributes:
        kills: By function: whole functions, process group and all.
        worker_kills: By function: the process that serves requests; its master goes on.
        outages: By `server kind`.
        refusals: How often the receiver of one channel was told to answer 503 a few times.
    """

    kills: Counter[str] = field(default_factory=Counter)
    worker_kills: Counter[str] = field(default_factory=Counter)
    outages: Counter[str] = field(default_factory=Counter)
    refusals: int = 0


@dataclass(frozen=True, slots=True)
class Reach:
    """What can be hurt.

    Attributes:
        processes: Instances by function.
        servers: By name, with the folder they are started in.
        links: Proxies with the names of the links each has.
        receiver: Answers now and then that it is not there.
    """

    processes: Mapping[str, list[FunctionProcess]]
    servers: Mapping[str, tuple[Server, Path]]
    links: Mapping[Links, tuple[str, ...]]
    receiver: Receiver


class Monkey:
    """Hurts what is within reach.

    Args:
        seed: What everything is drawn from.
        reach: What can be hurt.
        minutes: How long the input takes; as many outages as belong to that.
    """

    def __init__(self, seed: int, reach: Reach, minutes: float) -> None:
        self._random = Random(f"monkey {seed}")
        self._processes = reach.processes
        self._servers = reach.servers
        self._receiver = reach.receiver
        self._links = [
            (proxy, name)
            for proxy, names in reach.links.items()
            for name in names
            for _ in range(2 if name in BUSY else 1)
        ]
        due = [outage for outage in ONE_MINUTE if outage[0] in reach.servers]
        wanted = max(round(len(due) * minutes), len(set(due)))
        self._outages = (due * (1 + wanted // len(due)))[:wanted]
        self._order = count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._hurt: dict[str, Callable[[], None]] = {}
        self.damage = Damage()

    def start(self) -> None:
        """Begin."""
        for work in (
            self._kill_worker,
            self._kill_function,
            self._cut,
            self._swallow,
            self._refuse,
        ):
            self._in(self._random.uniform(0.1, 1.0), work)
        self._in(self._random.uniform(*OUTAGE_GAP_SECONDS), self._begin_outage)

    def step(self) -> None:
        """Do what is due; start functions again that ended by themselves."""
        while self._due and self._due[0][0] <= time.monotonic():
            heapq.heappop(self._due)[2]()
        for some in self._processes.values():
            for process in some:
                if not process.running:
                    process.start()

    @property
    def outages_left(self) -> int:
        """How many outages are still to come, one that is going on included."""
        return len(self._outages) + len(self._hurt)

    def calm(self) -> None:
        """Stop, and make whole what is hurt; return once everything answers.

        Raises:
            Unavailable: a server or a function does not come back.
        """
        self._due.clear()
        for heal in list(self._hurt.values()):
            heal()
        for channel in CHANNELS:
            self._receiver.answer(channel, 503, times=0)
        self._due.clear()
        for server, _ in self._servers.values():
            server.wait_ready()
        self.step()
        for some in self._processes.values():
            for process in some:
                process.wait_ready()

    def _in(self, seconds: float, work: Callable[[], None]) -> None:
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), work))

    def _again(self, seconds: float, work: Callable[[], None]) -> None:
        self._in(self._random.uniform(0.5, 1.5) * seconds, work)

    def _target(self) -> tuple[str, FunctionProcess]:
        name = self._random.choice(TARGETS)
        return name, self._random.choice(self._processes[name])

    def _kill_worker(self) -> None:
        name, process = self._target()
        self.damage.worker_kills[name] += process.kill_workers()
        self._again(WORKER_SECONDS, self._kill_worker)

    def _kill_function(self) -> None:
        name, process = self._target()
        process.kill()
        process.start()
        self.damage.kills[name] += 1
        self._again(FUNCTION_SECONDS, self._kill_function)

    def _cut(self) -> None:
        proxy, name = self._random.choice(self._links)
        proxy.cut(name)
        self._again(CUT_SECONDS, self._cut)

    def _swallow(self) -> None:
        proxy, name = self._random.choice(self._links)
        proxy.swallow(name)
        self._again(SWALLOW_SECONDS, self._swallow)

    def _refuse(self) -> None:
        channel = self._random.choice(CHANNELS)
        self._receiver.answer(channel, 503, times=self._random.randint(1, 3))
        self.damage.refusals += 1
        self._again(REFUSE_SECONDS, self._refuse)

    def _begin_outage(self) -> None:
        if not self._outages:
            return
        name, kind = self._outages.pop(0)
        server, folder = self._servers[name]
        self.damage.outages[f"{name} {kind}"] += 1
        log.info("%s: %s", name, kind)

        def back() -> None:
            if self._hurt.pop(name, None) is None:
                return
            if kind == "kill":
                server.start(folder)
            else:
                server.resume()
            log.info("%s: back", name)
            self._in(self._random.uniform(*OUTAGE_GAP_SECONDS), self._begin_outage)

        self._hurt[name] = back
        if kind == "kill":
            server.kill()
        else:
            server.suspend()
        self._in(self._random.uniform(*(AWAY_SECONDS if kind == "kill" else HANG_SECONDS)), back)
