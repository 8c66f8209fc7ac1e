"""What the shop reports while nothing is wrong with it."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from aiops.events import SeriesHead
from local.scenario.shop import Call, Shop

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

CPU = "container_cpu_usage_ratio"
MEMORY = "container_memory_usage_ratio"
RATE = "requests_per_second"
ERRORS = "request_error_ratio"
LATENCY = "request_duration_p95_seconds"
READY = "kube_deployment_status_replicas_available"
RESTARTS = "container_restarts_per_minute"
CONNECTIONS = "database_connections_ratio"
EDGE_CLIENT = "edge_client_duration_p50_seconds"
EDGE_SERVER = "edge_server_duration_p50_seconds"

PEAK_HOUR = 15.0
DAILY_AMPLITUDE = 0.25

_Level = Callable[[Generator], float]


@dataclass(frozen=True, slots=True)
class Habit:
    """How a metric behaves.

    Attributes:
        level: Draws what is usual at average load, in the metric's unit.
        follows_load: The part of a relative change of the load that the metric takes on.
        noise: Standard deviation relative to the level.
    """

    level: _Level
    follows_load: float
    noise: float


HABITS = {
    CPU: Habit(lambda rng: rng.uniform(0.2, 0.36), 0.7, 0.05),
    MEMORY: Habit(lambda rng: rng.uniform(0.4, 0.6), 0.13, 0.009),
    RATE: Habit(lambda _: 400.0, 1.0, 0.04),
    ERRORS: Habit(lambda rng: rng.uniform(0.002, 0.006), 1.2, 0.09),
    LATENCY: Habit(lambda rng: rng.uniform(0.03, 0.09), 0.6, 0.045),
    CONNECTIONS: Habit(lambda rng: rng.uniform(0.2, 0.4), 0.8, 0.05),
    READY: Habit(lambda rng: float(rng.integers(2, 5)), 0.0, 0.0),
    RESTARTS: Habit(lambda _: 0.0, 0.0, 0.0),
    EDGE_SERVER: Habit(lambda rng: rng.uniform(0.008, 0.03), 0.6, 0.045),
    EDGE_CLIENT: Habit(lambda rng: rng.uniform(0.0008, 0.002), 0.3, 0.06),
}
"""The rate is the gateway's; it follows the calls. What a client sees of a call is its server end
and what stands here on top; the server end of a call to a store is there, but not reported.

Over half a day the robust deviation of a series is about twice that of its noise alone.
"""


def heads(shop: Shop) -> tuple[SeriesHead, ...]:
    """Return the names of every series the shop reports."""
    served = (CPU, MEMORY, RATE, ERRORS, LATENCY, READY, RESTARTS)
    own = [(service, metric) for service in shop.services for metric in served]
    own += [(store, metric) for store in shop.stores for metric in (CPU, MEMORY, CONNECTIONS)]
    ends = [(call, EDGE_CLIENT) for call in shop.calls]
    ends += [(call, EDGE_SERVER) for call in shop.calls if call.server not in shop.stores]
    return (
        *(SeriesHead(metric=metric, labels={"service": name}) for name, metric in own),
        *(
            SeriesHead(metric=metric, labels={"client": call.client, "server": call.server})
            for call, metric in ends
        ),
    )


def healthy(
    rng: Generator, shop: Shop, names: tuple[SeriesHead, ...], hours: NDArray[np.float64]
) -> Matrix:
    """Return the values of every series at the given hours of the day.

    Args:
        rng: Where chance comes from.
        shop: Whose series they are.
        names: Its series, s of them.
        hours: Hours since midnight of a first day, shape (n,), a minute apart.

    Returns:
        Shape (s, n), all 0 or above.
    """
    load = DAILY_AMPLITUDE * np.cos(2 * np.pi * (hours - PEAK_HOUR) / 24)
    load = load + 0.015 * remembering(rng, 0.8, len(hours))
    flows = shop.flows()
    server_ends = {call: _row(rng, HABITS[EDGE_SERVER], load) for call in shop.calls}
    values = np.empty((len(names), len(hours)))
    for row, head in enumerate(names):
        if head.metric == RATE:
            values[row] = flows[head.labels["service"]] * _row(rng, HABITS[RATE], load)
        elif head.metric == EDGE_SERVER:
            values[row] = server_ends[_call(shop, head)]
        elif head.metric == EDGE_CLIENT:
            values[row] = server_ends[_call(shop, head)] + _row(rng, HABITS[EDGE_CLIENT], load)
        else:
            values[row] = _row(rng, HABITS[head.metric], load)
    return np.maximum(values, 0.0)


def _row(rng: Generator, habit: Habit, load: Vector) -> Vector:
    """Return the values of one series, shape (n,), for the relative change of the load."""
    level = habit.level(rng)
    noise = remembering(rng, rng.uniform(0.2, 0.6), len(load))
    return np.asarray(level * (1 + habit.follows_load * load + habit.noise * noise))


def _call(shop: Shop, head: SeriesHead) -> Call:
    ends = (head.labels["client"], head.labels["server"])
    return next(call for call in shop.calls if (call.client, call.server) == ends)


def remembering(rng: Generator, memory: float, length: int) -> Vector:
    """Return autoregressive noise of order 1 with unit variance and this autocorrelation."""
    shocks = rng.standard_normal(length).tolist()
    fresh = math.sqrt(1 - memory**2)
    noise = shocks[:1]
    for shock in shocks[1:]:
        noise.append(memory * noise[-1] + fresh * shock)
    return np.array(noise)
