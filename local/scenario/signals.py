"""What the shop reports while nothing is wrong with it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from aiops.events import SeriesHead
from local.scenario.shop import Shop

Matrix = NDArray[np.float64]

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
    MEMORY: Habit(lambda rng: rng.uniform(0.4, 0.6), 0.1, 0.01),
    ERRORS: Habit(lambda rng: rng.uniform(0.002, 0.006), 0.8, 0.13),
    LATENCY: Habit(lambda rng: rng.uniform(0.03, 0.09), 0.35, 0.06),
    CONNECTIONS: Habit(lambda rng: rng.uniform(0.2, 0.4), 0.8, 0.05),
    READY: Habit(lambda rng: float(rng.integers(2, 5)), 0.0, 0.0),
    RESTARTS: Habit(lambda _: 0.0, 0.0, 0.0),
    EDGE_SERVER: Habit(lambda rng: rng.uniform(0.008, 0.03), 0.3, 0.05),
    EDGE_CLIENT: Habit(lambda rng: rng.uniform(0.0008, 0.002), 0.1, 0.1),
}
"""The rate is missing: it is the load, along the calls. A call's client end is its server end
and what stands here on top; a store has no server end."""

_RATE_OUTSIDE = 400.0
_RATE_NOISE = 0.04


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
    load = load + 0.015 * _remembering(rng, np.array([0.8]), len(hours))[0]
    memory = rng.uniform(0.2, 0.6, len(names))
    noise = _remembering(rng, memory, len(hours))
    flows = shop.flows()
    values = np.empty((len(names), len(hours)))
    for row, head in enumerate(names):
        if head.metric == RATE:
            level, follows, spread = _RATE_OUTSIDE * flows[head.labels["service"]], 1.0, _RATE_NOISE
        else:
            habit = HABITS[head.metric]
            level, follows, spread = habit.level(rng), habit.follows_load, habit.noise
        values[row] = level * (1 + follows * load + spread * noise[row])
    _put_client_ends_on_server_ends(names, values)
    return np.maximum(values, 0.0)


def _put_client_ends_on_server_ends(names: tuple[SeriesHead, ...], values: Matrix) -> None:
    server_ends = {
        (head.labels["client"], head.labels["server"]): values[row]
        for row, head in enumerate(names)
        if head.metric == EDGE_SERVER
    }
    store_answers = 0.004
    for row, head in enumerate(names):
        if head.metric == EDGE_CLIENT:
            end = server_ends.get((head.labels["client"], head.labels["server"]))
            values[row] += store_answers if end is None else end


def _remembering(rng: Generator, memory: NDArray[np.float64], length: int) -> Matrix:
    """Return rows of autoregressive noise of order 1 with unit variance.

    Args:
        rng: Where chance comes from.
        memory: The autocorrelation of each row at one step, shape (s,), in [0, 1).
        length: Steps n of each row.

    Returns:
        Shape (s, n).
    """
    shocks = rng.standard_normal((length, len(memory)))
    fresh = np.sqrt(1 - memory**2)
    noise = np.empty_like(shocks)
    noise[0] = shocks[0]
    for step in range(1, length):
        noise[step] = memory * noise[step - 1] + fresh * shocks[step]
    return noise.T
