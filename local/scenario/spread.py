"""How a fault spreads: which series it moves, when, and by which part of its magnitude."""

from collections.abc import Iterator
from dataclasses import dataclass

from local.scenario.shop import Shop
from local.scenario.signals import (
    CONNECTIONS,
    CPU,
    EDGE_CLIENT,
    EDGE_SERVER,
    ERRORS,
    LATENCY,
    RATE,
)

_FARTHEST = 3
_FAINTEST = 0.1


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        onset: The first minute, counted from the start of the recording, whose samples show it.
        minutes: How long it lasts.
        metric: The leading metric.
        magnitude: Shift of the leading series in robust deviations, `SMALLEST` and up.
    """

    kind: str
    service: str
    metric: str
    onset: int
    minutes: int
    magnitude: float


@dataclass(frozen=True, slots=True)
class Effect:
    """What a fault does to one series.

    Attributes:
        series: Its metric with its service, or with client and server.
        delay: Minutes after the fault's onset.
        gain: Shift at full strength, as a part of the magnitude, in deviations of `measure`.
        measure: The series whose deviation counts, where it is not the series itself.
    """

    series: tuple[str, ...]
    delay: int
    gain: float
    measure: tuple[str, ...] | None = None


def effects(shop: Shop, fault: Fault) -> tuple[Effect, ...]:
    """Return what a fault does to the series that follow its magnitude, the leading one first."""
    return tuple(_EFFECTS[fault.kind](shop, fault))


def callers(shop: Shop, service: str) -> dict[str, tuple[int, float]]:
    """Return who feels it when a service is ill: calls away and the part that arrives, by name.

    Where several paths lead to a caller, the one that carries most counts.
    """
    felt = {service: (0, 1.0)}
    edge = [service]
    while edge:
        server = edge.pop(0)
        hops, part = felt[server]
        for call in shop.calls_to(server):
            arriving = part * (0.3 + 0.4 * min(call.share, 1.0))
            known = felt.get(call.client, (0, 0.0))[1]
            if hops < _FARTHEST and arriving >= _FAINTEST and arriving > known:
                felt[call.client] = (hops + 1, arriving)
                edge.append(call.client)
    del felt[service]
    return felt


def _saturation(shop: Shop, fault: Fault) -> Iterator[Effect]:
    yield Effect((fault.metric, fault.service), 0, 1.0)
    if fault.service in shop.stores:
        yield Effect((CONNECTIONS, fault.service), 1, 0.7)
    else:
        yield Effect((LATENCY, fault.service), 1, 0.9)
    yield from _slow_answers(shop, fault.service, 1, 0.8)
    yield from _slow_callers(shop, fault.service, 1)


def _latency(shop: Shop, fault: Fault) -> Iterator[Effect]:
    for call in (*shop.calls_to(fault.service), *shop.calls_from(fault.service)):
        yield Effect((EDGE_CLIENT, call.client, call.server), 0, 1.0)
    if any(shop.calls_from(fault.service)):
        yield Effect((LATENCY, fault.service), 0, 0.6)
    yield from _slow_callers(shop, fault.service, 0)


def _errors(shop: Shop, fault: Fault) -> Iterator[Effect]:
    yield Effect((ERRORS, fault.service), 0, 1.0)
    yield Effect((LATENCY, fault.service), 0, 0.6)
    yield Effect((CPU, fault.service), 0, 0.4)
    for caller, (hops, part) in callers(shop, fault.service).items():
        yield Effect((ERRORS, caller), hops, part)


def _dead_pod(shop: Shop, fault: Fault) -> Iterator[Effect]:
    yield Effect((RATE, fault.service), 0, -1.0)
    flows = shop.flows()
    for call in shop.calls_from(fault.service):
        if call.server not in shop.stores:
            part = flows[fault.service] * call.share / flows[call.server]
            yield Effect((RATE, call.server), 0, -0.7 * part)
    for caller, (hops, part) in callers(shop, fault.service).items():
        yield Effect((ERRORS, caller), hops, part)


_EFFECTS = {
    "saturation": _saturation,
    "latency": _latency,
    "errors": _errors,
    "dead_pod": _dead_pod,
}


def _slow_answers(shop: Shop, service: str, delay: int, gain: float) -> Iterator[Effect]:
    """Yield both ends of the calls to a service that answers late: the same time on both."""
    for call in shop.calls_to(service):
        client = (EDGE_CLIENT, call.client, call.server)
        server = (EDGE_SERVER, call.client, call.server)
        if service in shop.stores:
            yield Effect(client, delay, gain)
        else:
            yield Effect(server, delay, gain)
            yield Effect(client, delay, gain, measure=server)


def _slow_callers(shop: Shop, service: str, delay: int) -> Iterator[Effect]:
    for caller, (hops, part) in callers(shop, service).items():
        yield Effect((LATENCY, caller), delay + hops, part)
        yield from _slow_answers(shop, caller, delay + hops, 0.7 * part)
