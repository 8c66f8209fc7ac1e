"""What a system of services does under load, faults and chance."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from local.scenario.estate import Estate
from local.scenario.shop import Call
from local.scenario.signals import remembering

Row = NDArray[np.float64]

WITH_FALLBACK = 0.3
"""Share of the calls whose failure is mostly made up for, and whose answer nobody waits for."""

BUSY_HOURS = 24.0
SWING = 0.2
"""The load follows the hour of the day by that share of its mean, either way."""


@dataclass(slots=True)
class Disturbance:
    """What is done to a system, by service, each a row of n samples; what is absent is as usual.

    Attributes:
        slower: Factor on its own time.
        failing: Added share of requests it fails of itself.
        network: Added seconds on every call it makes or answers.
        hotter: Added share of its CPU.
        fuller: Added share of its memory.
        asked: Added requests, as a share of those it usually gets.
        serving: Share of the requests that reach it at all.
    """

    slower: dict[str, Row] = field(default_factory=dict)
    failing: dict[str, Row] = field(default_factory=dict)
    network: dict[str, Row] = field(default_factory=dict)
    hotter: dict[str, Row] = field(default_factory=dict)
    fuller: dict[str, Row] = field(default_factory=dict)
    asked: dict[str, Row] = field(default_factory=dict)
    serving: dict[str, Row] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Weather:
    """What there is to measure, each a row of n samples, by service or call."""

    rate: Mapping[str, Row]
    errors: Mapping[str, Row]
    latency: Mapping[str, Row]
    cpu: Mapping[str, Row]
    memory: Mapping[str, Row]
    client: Mapping[Call, Row]
    server: Mapping[Call, Row]


def weather(rng: Generator, place: Estate, hours: Row, done: Disturbance) -> Weather:
    """Return what a system does.

    Load travels from callers to callees, time and failures from callees to callers, as far as
    calls wait for answers and have no fallback. All of it is noisy, with a memory of its past.

    Args:
        rng: Where chance comes from; what is drawn does not depend on what is done to the system.
        place: The system.
        hours: Hours since a midnight, shape (n,).
        done: Faults.
    """
    draw = _Draw(rng, len(hours))
    soft = {call: bool(rng.random() < WITH_FALLBACK) for call in place.calls}
    load = 1 + SWING * np.cos(2 * np.pi * (hours - 15) / BUSY_HOURS) + 0.01 * draw.noise(0.9)
    rate, share = _rates(draw, place, load, done)
    errors, failed = _errors(draw, place, soft, done)
    latency, client, server = _times(draw, place, soft, share, done)
    cpu = {
        name: np.minimum(
            rng.uniform(0.12, 0.4) * share[name] ** 0.8 * draw.wobble(0.05)
            + done.hotter.get(name, 0.0),
            1.0,
        )
        for name in place.services
    }
    memory = {
        name: np.minimum(
            rng.uniform(0.3, 0.6) * (1 + 0.02 * draw.noise(0.98)) * draw.wobble(0.004)
            + done.fuller.get(name, 0.0),
            1.0,
        )
        for name in place.services
    }
    seen = {name: np.clip(failed[name], 0.0, 1.0) for name in errors}
    return Weather(rate, seen, latency, cpu, memory, client, server)


@dataclass(frozen=True, slots=True)
class _Draw:
    rng: Generator
    length: int

    def noise(self, memory: float) -> Row:
        return remembering(self.rng, memory, self.length)

    def wobble(self, deviation: float) -> Row:
        """Return factors around 1."""
        memory = self.rng.uniform(0.2, 0.6)
        return np.maximum(1 + deviation * self.rng.uniform(0.7, 1.5) * self.noise(memory), 0.05)


def _rates(
    draw: _Draw, place: Estate, load: Row, done: Disturbance
) -> tuple[dict[str, Row], dict[str, Row]]:
    """Return the requests a second each answers, and the same as a share of what is usual."""
    usual = dict.fromkeys(place.services, 0.0)
    usual[place.services[0]] = 500.0
    answered = {name: np.zeros(draw.length) for name in place.services}
    answered[place.services[0]] = 500.0 * load
    share = {}
    calls: dict[str, list[Call]] = {}
    for call in place.calls:
        calls.setdefault(call.client, []).append(call)
    for name in place.services:
        asked = answered[name] + usual[name] * done.asked.get(name, 0.0)
        answered[name] = asked * done.serving.get(name, 1.0)
        share[name] = answered[name] / usual[name]
        for call in calls.get(name, ()):
            usual[call.server] += usual[name] * call.share
            answered[call.server] = answered[call.server] + answered[name] * call.share
    return {name: answered[name] * draw.wobble(0.03) for name in place.services}, share


def _errors(
    draw: _Draw, place: Estate, soft: Mapping[Call, bool], done: Disturbance
) -> tuple[dict[str, Row], dict[str, Row]]:
    """Return the share of requests each fails by itself, and with those of whom it calls."""
    own = {
        name: draw.rng.uniform(0.001, 0.006) * draw.wobble(0.15) + done.failing.get(name, 0.0)
        for name in place.services
    }
    total = dict(own)
    for call in reversed(place.calls):
        lost = 1 - (1 - total[call.server]) * done.serving.get(call.server, 1.0)
        part = call.share * (0.1 if soft[call] else 0.9)
        total[call.client] = 1 - (1 - total[call.client]) * (1 - part * lost)
    return own, total


def _times(
    draw: _Draw, place: Estate, soft: Mapping[Call, bool], share: Mapping[str, Row],
    done: Disturbance,
) -> tuple[dict[str, Row], dict[Call, Row], dict[Call, Row]]:  # fmt: skip
    """Return the seconds each takes, and of each call at its client's and its server's end."""
    taken = {}
    for name in place.services:
        busy = 1 + 0.3 * np.maximum(share[name] - 1, -0.5)
        own = draw.rng.uniform(0.004, 0.06) * busy * draw.wobble(0.05)
        taken[name] = own * done.slower.get(name, 1.0)
    client, server = {}, {}
    for call in reversed(place.calls):
        hops = done.network.get(call.client, 0.0) + done.network.get(call.server, 0.0)
        wire = draw.rng.uniform(0.0003, 0.0015) * draw.wobble(0.06) + hops
        server[call] = taken[call.server] * draw.wobble(0.03)
        client[call] = server[call] + wire
        waits = 0.05 if soft[call] else 1.0
        taken[call.client] = taken[call.client] + waits * call.share * client[call]
    return taken, client, server
