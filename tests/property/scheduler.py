"""Random schedules over handlers: every port call is a step at which anything may happen.

Handlers run as greenlets. Between any two of their calls to a watched port the scheduler may let
another one go on, kill one for good, make a call fail before or after it took effect, give up
waiting and deliver the event again while the first attempt lives on (a zombie, which may sleep
for long before it goes on), or
deliver a finished event once more. The same seed gives the same schedule.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

import greenlet

from aiops.errors import Unavailable

Port = TypeVar("Port")
Task = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Chaos:
    """How likely each kind of trouble is at a step, and how much of it there is at most."""

    kill: float = 0.04
    drop_reply: float = 0.04
    fail: float = 0.02
    zombie: float = 0.04
    duplicate: float = 0.15
    budget: int = 12


CALM = Chaos(kill=0, drop_reply=0, fail=0, zombie=0, duplicate=0, budget=0)


class _Thread(greenlet.greenlet):
    """A greenlet that knows whose attempt it runs, also while it is being torn down."""

    attempt: "_Attempt"


@dataclass(slots=True, eq=False)
class _Attempt:
    queue: int
    task: Task
    thread: "_Thread"
    dead: bool = False
    abandoned: bool = False
    asleep_until: int = 0


@dataclass(slots=True)
class Scheduler:
    """One random schedule.

    Attributes:
        workers: How many attempts may run at once, zombies not counted.
        trace: What happened, for the message of a failed test.
    """

    seed: int
    chaos: Chaos = field(default_factory=Chaos)
    workers: int = 3
    max_steps: int = 20_000
    trace: list[str] = field(default_factory=list)
    _random: Random = field(init=False)
    _hub: "greenlet.greenlet" = field(init=False)
    _spent: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        """Seed the choices."""
        self._random = Random(self.seed)

    def reseed(self, seed: int, workers: int) -> None:
        """Begin another schedule over the same ports."""
        self._random, self.workers, self._spent = Random(seed), workers, 0
        self.trace.clear()

    def watch(self, port: Port, name: str = "") -> Port:
        """Return a stand-in for a port of which every method call is a step."""
        return _Watched(self, port, name or type(port).__name__)  # type: ignore[return-value]

    def run(self, *queues: list[Task]) -> None:
        """Deliver every task of every queue until each has succeeded at least once.

        A queue is a partition: its tasks in order, one at a time, the next after the first success.
        A task succeeds by returning, and is delivered again after `Unavailable`.
        """
        self._hub = greenlet.getcurrent()
        waiting = [deque(queue) for queue in queues]
        current: dict[int, _Attempt] = {}
        live: list[_Attempt] = []
        for now in range(self.max_steps):
            idle = [i for i, queue in enumerate(waiting) if queue and i not in current]
            if len(current) >= self.workers:
                idle = []
            if not idle and not live:
                return
            awake = [attempt for attempt in live if attempt.asleep_until <= now]
            if not idle and not awake:
                awake = live
            pick = self._random.randrange(len(idle) + len(awake))
            if pick < len(idle):
                attempt = self._start(idle[pick], waiting[idle[pick]][0])
                current[attempt.queue] = attempt
                live.append(attempt)
            else:
                attempt = awake[pick - len(idle)]
            self._advance(attempt, waiting, current, live)
            if attempt.abandoned and not attempt.asleep_until:
                attempt.asleep_until = now + self._random.choice((1, 5, 15, 40))
        raise AssertionError("the schedule does not end:\n" + "\n".join(self.trace[-40:]))

    def _start(self, queue: int, task: Task) -> _Attempt:
        thread = _Thread(_guarded(task), parent=self._hub)
        thread.attempt = _Attempt(queue, task, thread)
        return thread.attempt

    def _advance(
        self,
        attempt: _Attempt,
        waiting: list[deque[Task]],
        current: dict[int, _Attempt],
        live: list[_Attempt],
    ) -> None:
        trouble = self._trouble() if attempt.thread else ""
        if trouble in {"kill", "zombie"}:
            self.trace.append(f"{trouble} queue {attempt.queue}")
            if current.get(attempt.queue) is attempt:
                del current[attempt.queue]
            attempt.abandoned = True
            if trouble == "kill":
                attempt.dead = True
                live.remove(attempt)
            return
        outcome = attempt.thread.switch(trouble)
        if not attempt.thread.dead:
            return
        live.remove(attempt)
        if isinstance(outcome, BaseException) and not isinstance(outcome, Unavailable):
            raise outcome
        if not attempt.abandoned:
            del current[attempt.queue]
            if not isinstance(outcome, Unavailable):
                self._finish(attempt, waiting[attempt.queue])

    def _finish(self, attempt: _Attempt, queue: deque[Task]) -> None:
        queue.popleft()
        self.trace.append(f"done queue {attempt.queue}")
        if self._spent < self.chaos.budget and self._random.random() < self.chaos.duplicate:
            self._spent += 1
            queue.insert(self._random.randint(0, len(queue)), attempt.task)
            self.trace.append(f"duplicate queue {attempt.queue}")

    def _trouble(self) -> str:
        if self._spent >= self.chaos.budget:
            return ""
        dice = self._random.random()
        for name in ("kill", "drop_reply", "fail", "zombie"):
            dice -= getattr(self.chaos, name)
            if dice < 0:
                self._spent += 1
                return name
        return ""

    def step(self, name: str, call: Callable[[], Any]) -> Any:
        """Wait for this attempt's turn, then make the call, or what the schedule makes of it."""
        thread = greenlet.getcurrent()
        if not isinstance(thread, _Thread):
            return call()
        attempt = thread.attempt
        if attempt.dead:
            raise greenlet.GreenletExit
        trouble = self._hub.switch()
        if attempt.dead:
            raise greenlet.GreenletExit
        self.trace.append(f"{name} queue {attempt.queue} {trouble}")
        if trouble == "fail":
            raise Unavailable(f"{name}: refused by the schedule")
        result = call()
        if trouble == "drop_reply":
            raise Unavailable(f"{name}: reply dropped by the schedule")
        return result


class _Watched:
    def __init__(self, scheduler: Scheduler, port: object, name: str) -> None:
        self._scheduler, self._port, self._name = scheduler, port, name

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._port, method)
        if not callable(found):
            return found

        def stepped(*args: object, **kwargs: object) -> Any:
            return self._scheduler.step(f"{self._name}.{method}", lambda: found(*args, **kwargs))

        return stepped


def _guarded(task: Task) -> Callable[[str], object]:
    """Return what the greenlet runs: the task, its exception handed over instead of raised."""

    def run(_: str) -> object:
        try:
            task()
        except Exception as error:  # noqa: BLE001 - judged by the scheduler
            return error
        return None

    return run
