"""Where each millisecond of a batch goes.

The handler of `detect` runs in this process, on the core a function would have, over the real
Redis; its parts are timed from outside. What HTTP, gunicorn and Flask take is what the same
requests take with a function that does nothing. The whole is a request to the real function.
"""

import gc
import statistics
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from aiops.adapters import cloudevent
from aiops.ports import Message
from aiops.settings import Settings
from bench.load import drive
from bench.machine import on_cores, two_cores
from bench.stopwatch import Stopwatch, Timed
from bench.tally import Tally
from bench.warm import warm_up
from bench.workload import STEP_MS, Sweeps, groups
from bench.world import World
from functions.detect import handler as handling
from functions.detect import reading
from functions.detect.handler import DetectHandler
from functions.detect.wiring import build
from local.delivery.cloudevent import Record, carried, numbered, to_http

GROUPS = 16
SWEEPS = 2
SHORT_ROUNDS = 25
"""Over HTTP and in this process in turn: what is left between them is small."""

STAGES = ("decode", "keys", "read", "score", "commit", "publish", "framework")
_STORE = {
    "load": "read", "commit": "commit", "outputs": "publish", "remove": "publish"
}  # fmt: skip


def measure(now: int) -> dict[str, float]:
    """Return milliseconds of a batch by stage, medians of rounds.

    Args:
        now: The latest time a sample may have, unix milliseconds.
    """
    core, other = two_cores()
    rounds: list[dict[str, float]] = []
    wholes: list[float] = []
    with on_cores({other}), World({other}) as world:
        process, bare = world.function("detect", {core}), world.function("bare", {core})
        sweeps = Sweeps(groups(GROUPS), now - 2_000 * STEP_MS)
        warm_up(process.url, world.redis.url, sweeps)
        handler = in_process(world)
        with on_cores({core}):
            _timed(handler, sweeps.messages())
        for _ in range(SHORT_ROUNDS):
            tally = Tally(process.log)
            requests = sweeps.requests(process.url, SWEEPS)
            wholes.append(statistics.mean(drive(process.url, requests, 1).latencies))
            tally.all_accepted(SWEEPS * sweeps.size)
            messages = [one for _ in range(SWEEPS) for one in sweeps.messages()]
            with on_cores({core}):
                parts = _timed(handler, messages)
            idle = drive(bare.url, Sweeps(sweeps.groups, now).requests(bare.url, SWEEPS), 1)
            rounds.append({**parts, "framework": statistics.mean(idle.latencies)})
        alarming = sweeps.messages(outliers=1)
        with on_cores({core}):
            publishing = _timed(handler, alarming)["publish"]
    middle = {name: statistics.median(one.get(name, 0.0) for one in rounds) for name in STAGES}
    found = {f"batch_{name}_milliseconds": 1000 * seconds for name, seconds in middle.items()}
    found["batch_milliseconds"] = 1000 * statistics.median(wholes)
    found["batch_publish_one_anomaly_milliseconds"] = 1000 * publishing
    return found


def in_process(world: World) -> DetectHandler:
    """Return the handler as the function builds it."""
    environ = {"REDIS_URL": world.redis.url, "KAFKA_BOOTSTRAP_SERVERS": world.kafka.bootstrap}
    made = build(Settings.from_env(environ))
    if not isinstance(made, DetectHandler):
        raise TypeError(made)
    return made


def _timed(handler: DetectHandler, messages: Sequence[Message]) -> dict[str, float]:
    """Return the mean seconds of each stage of a batch; every sample must be accepted.

    What this process keeps besides, all requests among it, is hidden from the garbage collector: a
    function keeps no such thing.
    """
    watch = Stopwatch()
    requests = [_request(message) for message in messages]
    accepted = 0
    gc.collect()
    gc.freeze()
    with _watched(watch, handler):
        for headers, body in requests:
            with watch.stage("decode"):
                event = cloudevent.decode(headers, body, handler.clock.now())
            with watch.stage("score"):
                accepted += handler(event)["accepted"]
    if accepted != sum(body.count(b"],[") + 1 for _, body in requests):
        raise ValueError(f"{accepted} samples accepted")
    return {stage: seconds / len(messages) for stage, seconds in watch.seconds.items()}


def _request(message: Message) -> tuple[dict[str, str], bytes]:
    key, value, headers = cloudevent.encode(message)
    record = Record(message.topic, 0, 0, message.event.time, key, value, headers)
    event = carried(record)
    if event is None:
        raise ValueError("no CloudEvent")
    return to_http(numbered(event, record)), value


@contextmanager
def _watched(watch: Stopwatch, handler: DetectHandler) -> Iterator[None]:
    """Time the parts of a handler; what is left of it counts as scoring."""
    store = Timed(watch, handler.store, _STORE)
    publisher = Timed(watch, handler.publisher, {"publish": "publish"})
    reader = Timed(watch, handler.reader, {"read": "keys"})
    with ExitStack() as stack:
        for name, part in (("store", store), ("publisher", publisher), ("reader", reader)):
            stack.enter_context(patch.object(handler, name, part))
        for module, name in ((reading, "_numbers"), (handling, "take")):
            timed = watch.timed("decode", getattr(module, name))
            stack.enter_context(patch.object(module, name, timed))
        yield
