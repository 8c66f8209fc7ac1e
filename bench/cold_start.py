"""From the start of a process to its first event answered.

Servers are up and Python's files are compiled, as in an image. The clock runs from the start of
the command, with the few milliseconds of the guard that replaces itself by it.
"""

import statistics
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress

from aiops import topics
from aiops.clock import SystemClock
from aiops.events import AnomaliesDetected, Anomaly, Evidence, Fact, Incident, WorkDue
from aiops.ids import derive
from aiops.ports import Event, Message
from bench.load import connected, exchange
from bench.workload import Sweeps, groups, request
from bench.world import World
from local.functions import FunctionProcess, Launch, from_sources
from local.receiver import Receiver

STARTS = 7
_POLL_SECONDS = 0.002
_PATIENCE_SECONDS = 30.0
_MINUTE = 60_000


def measure(cores: Collection[int], how: Launch = from_sources) -> dict[str, float]:
    """Return the median seconds of every function, in the order in which they feed each other.

    Of the gateway, which waits for signed requests, it is the time until it is ready.

    Args:
        cores: What servers and functions may use.
        how: Says how functions are started.
    """
    events: Mapping[str, Callable[[int], Message]] = {
        "detect": _samples,
        "correlate": _anomalies,
        "act": _incident,
        "collect": _tick,
        "train": _work,
    }
    now = SystemClock().now() - 1_000 * _MINUTE
    with World(cores, how=how) as world, Receiver() as receiver:
        found = {
            f"{name}_cold_start_seconds": _median(world, name, event, now, receiver.environment)
            for name, event in events.items()
        }
        found["gateway_ready_seconds"] = _ready(world, "gateway")
        return found


def _ready(world: World, name: str) -> float:
    """Return the median seconds until a function that gets no events says that it is ready."""
    taken = []
    for _ in range(STARTS + 1):
        process = world.prepared(name)
        began = time.perf_counter()
        process.start()
        try:
            process.wait_ready()
            taken.append(time.perf_counter() - began)
        finally:
            process.stop()
    return statistics.median(taken[1:])


def _median(
    world: World,
    name: str,
    event: Callable[[int], Message],
    now: int,
    environ: Mapping[str, str],
) -> float:
    """Return the median of some starts; one more before them has the disk read what it must."""
    taken = []
    for number in range(STARTS + 1):
        process = world.prepared(name, environ)
        taken.append(_first_answer(process, event(now + number * _MINUTE)))
    return statistics.median(taken[1:])


def _first_answer(process: FunctionProcess, message: Message) -> float:
    began = time.perf_counter()
    process.start()
    try:
        _answered(process, request(process.url, message), began + _PATIENCE_SECONDS)
        return time.perf_counter() - began
    finally:
        process.stop()


def _answered(process: FunctionProcess, first: bytes, deadline: float) -> None:
    """Return once the event is answered; a connection is refused until the server listens."""
    while time.perf_counter() < deadline:
        with suppress(ConnectionRefusedError), connected(process.url) as connection:
            exchange(connection, first)
            return
        time.sleep(_POLL_SECONDS)
    raise TimeoutError(f"{process.url} never listened, see {process.log}")


def _samples(now: int) -> Message:
    return Sweeps(groups(1), now).messages()[0]


def _anomalies(now: int) -> Message:
    return _message(topics.ANOMALIES, AnomaliesDetected(anomalies=(_anomaly(now),)), now)


def _incident(now: int) -> Message:
    anomaly = _anomaly(now)
    incident = Incident(
        id=derive("incident", now),
        domain="default",
        version=1,
        status="open",
        title="cart: latency_milliseconds",
        severity=4,
        opened_at=now,
        updated_at=now,
        notified_at=now,
        services=("cart",),
        anomalies=1,
        evidence=(Evidence(first=now, last=now, count=1, peak=anomaly),),
    )
    return _message(topics.INCIDENTS, incident, now)


def _work(now: int) -> Message:
    return _message(topics.CONTROL, WorkDue(stage="train", now=now), now)


def _tick(now: int) -> Message:
    source = "/apis/v1/namespaces/aiops/pingsources/clock"
    kind = "dev.knative.sources.ping"
    return Message("", "", Event(str(now), source, kind, now, b""))


def _anomaly(now: int) -> Anomaly:
    return Anomaly(
        id=derive("anomaly", now),
        domain="default",
        series="00112233445566778899aabbccddeeff",
        metric="latency_milliseconds",
        labels={"service": "cart"},
        service="cart",
        role="latency",
        time=now,
        value=900.0,
        expected=100.0,
        lower=80.0,
        upper=120.0,
        detector="baseline",
        evidence=5.0,
        alarm_line=1.0,
        score=0.8,
        severity=4,
        reason="900 is above the usual 80 to 120",
    )


def _message(topic: str, fact: Fact, now: int) -> Message:
    data = fact.model_dump_json().encode()
    event = Event(derive("bench", topic, now), "/bench", fact.type, now, data, "default")
    return Message(topic, "default", event)
