"""Does the damage: kills, hangs, restarts and cuts, drawn from a seed, until it is told to stop.

It works on the thread that calls it, because children end with the thread that started them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from local.chaos.agenda import Agenda
from local.chaos.damage import Damage
from local.chaos.links import Links
from local.chaos.outages import Outages, Server
from local.functions import FunctionProcess
from local.receiver import Receiver

WORKER_SECONDS = 0.5
FUNCTION_SECONDS = 2.2
CUT_SECONDS = 0.6
SWALLOW_SECONDS = 0.5
REFUSE_SECONDS = 2.5
PAUSE_SECONDS = 2.5
"""How often each happens, on average."""

STILL_SECONDS = (0.5, 2.5)
"""How long a function that is paused stands still."""

BUSY = frozenset(("redis", "kafka", "aiops-detect"))
"""Links of which connections are troubled twice as often as of the others."""

CHANNELS = ("pagerduty", "slack", "webhook")
TARGETS = ("aiops-detect", "aiops-correlate", "aiops-act") * 3 + ("aiops-collect",)


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
        self._agenda = Agenda(self._random)
        self._processes = reach.processes
        self._receiver = reach.receiver
        self._links = [
            (proxy, name)
            for proxy, names in reach.links.items()
            for name in names
            for _ in range(2 if name in BUSY else 1)
        ]
        self._proxies = {name: proxy for proxy, names in reach.links.items() for name in names}
        self._paused: list[FunctionProcess] = []
        self._outages = Outages(self._random, self._agenda, reach.servers, minutes)
        self.damage = Damage(outages=self._outages.counts)

    def start(self) -> None:
        """Begin."""
        self._agenda.repeat(WORKER_SECONDS, self._kill_worker)
        self._agenda.repeat(FUNCTION_SECONDS, self._kill_function)
        self._agenda.repeat(CUT_SECONDS, self._cut)
        self._agenda.repeat(SWALLOW_SECONDS, self._swallow)
        self._agenda.repeat(REFUSE_SECONDS, self._refuse)
        self._agenda.repeat(PAUSE_SECONDS, self._pause)
        self._outages.start()

    def step(self) -> None:
        """Do what is due; start functions again that ended by themselves."""
        self._agenda.step()
        for some in self._processes.values():
            for process in some:
                if not process.running:
                    process.start()

    @property
    def outages_left(self) -> int:
        """How many outages are still to come, one that is going on included."""
        return self._outages.left

    def calm(self) -> None:
        """Stop, and make whole what is hurt; return once everything answers.

        Raises:
            Unavailable: a server or a function does not come back.
        """
        self._outages.stop()
        self._agenda.clear()
        while self._paused:
            self._paused.pop().resume_workers()
        for channel in CHANNELS:
            self._receiver.answer(channel, 503, times=0)
        self.step()
        for some in self._processes.values():
            for process in some:
                process.wait_ready()

    def _target(self) -> tuple[str, FunctionProcess]:
        name = self._random.choice(TARGETS)
        return name, self._random.choice(self._processes[name])

    def _kill_worker(self) -> None:
        name, process = self._target()
        self.damage.worker_kills[name] += process.kill_workers()

    def _kill_function(self) -> None:
        name, process = self._target()
        process.kill()
        process.start()
        self.damage.kills[name] += 1

    def _pause(self) -> None:
        """Let a function stand still with what it was doing, which others are given meanwhile."""
        name, process = self._target()
        if process in self._paused or not process.suspend_workers():
            return
        self._paused.append(process)
        self._proxies[name].sever(name, process.url)
        self.damage.pauses[name] += 1

        def go_on() -> None:
            self._paused.remove(process)
            process.resume_workers()

        self._agenda.add(self._random.uniform(*STILL_SECONDS), go_on)

    def _cut(self) -> None:
        proxy, name = self._random.choice(self._links)
        proxy.cut(name)

    def _swallow(self) -> None:
        proxy, name = self._random.choice(self._links)
        proxy.swallow(name)

    def _refuse(self) -> None:
        channel = self._random.choice(CHANNELS)
        self._receiver.answer(channel, 503, times=self._random.randint(1, 3))
        self.damage.refusals += 1
