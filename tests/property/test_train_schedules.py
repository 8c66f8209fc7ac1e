"""Whatever dies between any two calls: every request comes to an end, the latest of each series."""

import random

import pytest

from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_history import MemoryHistory
from aiops.adapters.memory_models import MemoryModels
from aiops.adapters.memory_series import MemorySeriesStore
from aiops.adapters.memory_training import MemoryTrainingQueue
from aiops.clock import ManualClock
from aiops.errors import Unavailable
from aiops.events import ModelFitted, SeriesHead, TrainingRequested, WorkDue
from aiops.ports import Event
from aiops.series import SeriesMap
from functions.train.config import TrainConfig
from functions.train.fit import DAY_MS
from functions.train.handler import TrainHandler
from functions.train.procedure import Outcome
from functions.train.workshop import Done

NOW = 1_767_225_600_000
NAMES = SeriesMap()
HEADS = [SeriesHead(metric="m", labels={"service": f"s{n}"}) for n in range(3)]
KEYS = [NAMES.read(head).key for head in HEADS]
SCHEDULES = 400


class Killed(BaseException):
    """The process is gone; nothing of ours runs any more."""


class Shaky:
    """Passes calls on, and dies before or after some, or loses the reply."""

    def __init__(self, inner, fate):
        self._inner, self._fate = inner, fate

    def __getattr__(self, name):
        method = getattr(self._inner, name)

        def call(*arguments):
            self._fate("before")
            answer = method(*arguments)
            self._fate("after")
            return answer

        return call


class Fitter:
    """Leaves a model most of the time, and dies in the middle sometimes."""

    def __init__(self, world):
        self.world = world

    def fit(self, task, limits, beat):
        assert task.series not in self.world.fitting, "fitted twice at the same time"
        self.world.fitting.add(task.series)
        try:
            self.world.clock.ms += 2_000
            if self.world.random.random() < 0.3:
                self.world.meanwhile()
            self.world.fate("fit")
        finally:
            self.world.fitting.discard(task.series)
        state = self.world.random.choice(["active", "active", "refused"])
        packed = b"packed" if state == "active" else b""
        return Done(Outcome(state, "prophet", "r", task.now + DAY_MS, {}, packed), 2.0, 1)


class World:
    def __init__(self, seed, breaks=lambda handler: handler):
        self.random = random.Random(seed)
        self.clock = ManualClock(NOW)
        self.queue, self.models = MemoryTrainingQueue(), MemoryModels()
        self.publisher = MemoryPublisher()
        self.fitting, self.asked = set(), {}
        self.calm, self.breaks = False, breaks

    def fate(self, where):
        chance = 0.0 if self.calm else self.random.random()
        if chance > 0.96:
            raise Killed(where)
        if chance > 0.92 and where != "fit":
            raise Unavailable(where)

    def instance(self):
        return self.breaks(
            TrainHandler(
                history=MemoryHistory(MemorySeriesStore()),
                models=Shaky(self.models, self.fate),
                queue=Shaky(self.queue, self.fate),
                publisher=Shaky(self.publisher, self.fate),
                clock=self.clock,
                names=NAMES,
                config=TrainConfig(attempts=50),
                fitter=Fitter(self),
                domain="default",
                backfill=None,
                log=lambda line: None,
                timer=lambda: 0.0,
            )
        )

    def deliver(self, event):
        """Deliver as a Trigger does: again, to another instance, until it is answered for."""
        for _ in range(30):
            try:
                self.instance()(event)
            except (Killed, Unavailable):
                self.clock.ms += 500
            else:
                return
        raise AssertionError("never answered for")

    def request(self):
        place = self.random.randrange(len(HEADS))
        self.clock.ms += self.random.randrange(1, 30_000)
        fact = TrainingRequested(
            series=KEYS[place],
            head=HEADS[place],
            detector="prophet",
            reason="drift",
            requested_at=self.clock.ms,
        )
        self.asked[fact.series] = fact.requested_at
        return Event("r", "/t", fact.type, self.clock.ms, fact.model_dump_json().encode())

    def meanwhile(self):
        """Let another instance be asked for the same, or be woken, while this one fits."""
        event = self.random.choice([self.request, self.tick])()
        try:
            self.instance()(event)
        except (Killed, Unavailable):
            self.clock.ms += 500
            if event.type == TrainingRequested.type:
                self.deliver(event)

    def tick(self):
        due = WorkDue(stage="train", now=self.clock.ms)
        return Event("t", "/t", due.type, self.clock.ms, due.model_dump_json().encode())

    def run(self):
        events = []
        for _ in range(self.random.randrange(2, 7)):
            again = events and self.random.random() < 0.3
            event = self.random.choice(events) if again else self.request()
            events.append(event)
            self.deliver(event)
        self.calm = True
        for _ in range(10):
            self.clock.ms += 200_000
            self.instance()(self.tick())

    def check(self):
        assert self.queue.due(self.clock.ms + 10 * DAY_MS) == 0
        told = [
            ModelFitted.model_validate_json(message.event.data)
            for message in self.publisher.topics["control"]
        ]
        for series, asked in self.asked.items():
            status = self.models.status(series)
            assert status is not None, "a request was lost"
            assert status.requested_at == asked, "a later request was lost"
            if status.state == "active":
                place = (status.shard, series, status.made_at)
                assert self.models.fetch([place]) == [b"packed"]
                assert (series, status.made_at) in {(one.series, one.made_at) for one in told}
        for one in told:
            shard = NAMES.read(HEADS[KEYS.index(one.series)]).shard
            assert self.models.fetch([(shard, one.series, one.made_at)]) == [b"packed"], (
                "told of a model that is not there"
            )


def test_no_request_is_lost_and_no_series_is_fitted_twice_at_the_same_time() -> None:
    for seed in range(SCHEDULES):
        world = World(seed)
        world.run()
        world.check()


class ForgetsFirst:
    """Forgets a request before its end is stored."""

    def __init__(self, handler):
        self.handler = handler
        handler.queue = ForgetfulQueue(handler.queue)

    def __call__(self, event):
        return self.handler(event)


class ForgetfulQueue:
    def __init__(self, inner):
        self.inner = inner

    def claim(self, now, lease_ms, limit):
        claims = self.inner.claim(now, lease_ms, limit)
        for claim in claims:
            self.inner.finish(claim)
        return claims

    def __getattr__(self, name):
        return getattr(self.inner, name)


class LeaseTooShort(ForgetsFirst):
    """Leases for less than a fit takes."""

    def __init__(self, handler):
        self.handler = handler
        handler.queue = HastyQueue(handler.queue)


class HastyQueue(ForgetfulQueue):
    def claim(self, now, lease_ms, limit):
        return self.inner.claim(now, 1, limit)


@pytest.mark.parametrize("mistake", [ForgetsFirst, LeaseTooShort])
def test_a_mistake_in_the_protocol_is_caught(mistake) -> None:
    with pytest.raises(AssertionError):
        for seed in range(SCHEDULES):
            world = World(seed, mistake)
            world.run()
            world.check()
