"""Faults in code that metrics barely show, with and without logs and traces.

`python -m bench.code_faults` draws systems as `local/scenario/campaign.py` does, with two kinds of
faults: `exception`, a few requests in a thousand run into an error nobody has seen before, and
`slow_path`, one operation of five becomes three to eight times as slow. Each system is replayed
from its metrics alone, then with what it logs and traces; of both the share of faults that are
blamed on the right service is printed.
"""

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.random import Generator

from aiops.events import Call
from aiops.ports import Event
from functions.detect.sources import PLAIN_RECORD
from local.evaluation import Evaluation, Fault, evaluate
from local.in_process import InProcess
from local.recording import Recording
from local.replay import replay_through
from local.scenario.campaign import LEARNING_SAMPLES, START_MS, reported
from local.scenario.estate import Estate, estate
from local.scenario.naming import NAMINGS
from local.scenario.weather import Disturbance, Weather, weather

SERVICES, STEP, FAULTS = 20, 30, 12
SEEDS = (1, 2, 3, 4)
QUIET_SAMPLES, FAULT_SAMPLES = 36, 16
OPERATIONS = 5
SPANS = 4
"""Spans of each operation from sample to sample."""

SLOW_SHARE = 0.1
"""Share of the requests of a service that take the path that becomes slow."""

SOURCE = "/apis/v1/namespaces/aiops/kafkasources/logs-and-traces-to-detect#"


@dataclass(frozen=True, slots=True)
class Code:
    """A fault.

    Attributes:
        span: The samples that show it.
        size: Share of failing requests, or by how many times an operation is slower.
    """

    kind: str
    service: str
    span: slice
    size: float


@dataclass(frozen=True, slots=True)
class System:
    """What a system does, and what of it is recorded."""

    place: Estate
    seen: Weather
    faults: tuple[Code, ...]
    recording: Recording


def main() -> None:
    """Compare, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="*", default=SEEDS)
    options = parser.parse_args()
    told = {
        name: _shares([played(system(seed), seed, telling=telling) for seed in options.seeds])
        for name, telling in (("metrics", False), ("metrics, logs, traces", True))
    }
    print(json.dumps(told, indent=1))


def system(seed: int, faults: int = FAULTS) -> System:
    """Draw a system and its faults."""
    place_rng, fate, signal, chance = (
        np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(4)
    )
    place = estate(place_rng, SERVICES)
    planned, length = _planned(fate, place, faults)
    done = Disturbance()
    for one in planned:
        _disturb(done, one, length)
    hours = START_MS / 3_600_000 % 24 + np.arange(length) * STEP / 3600
    seen = weather(signal, place, hours, done)
    naming = NAMINGS[int(place_rng.integers(0, len(NAMINGS)))]
    times = START_MS + np.arange(length) * STEP * 1000
    return System(place, seen, planned, _recorded(chance, place, (naming, seen), times, planned))


def played(it: System, seed: int, *, telling: bool) -> Evaluation:
    """Return how well the faults of a system are explained."""
    pipeline = InProcess.of({}, it.recording.calls)
    records = _records(it, np.random.default_rng(seed)) if telling else iter(())
    waiting = next(records, None)

    def tell(_: int) -> None:
        nonlocal waiting
        while waiting is not None and waiting.time <= pipeline.clock.ms:
            pipeline.record(waiting)
            waiting = next(records, None)

    done = replay_through(pipeline, [it.recording], progress=tell)
    return evaluate(done.incidents, it.recording.faults, done.began, done.ended)


def _shares(found: Sequence[Evaluation]) -> dict[str, float]:
    outcomes = [one for evaluation in found for one in evaluation.outcomes]
    kinds = sorted({one.fault.kind for one in outcomes})
    shares = {"faults": float(len(outcomes))}
    for name, mine in (
        ("all", outcomes),
        *((kind, [one for one in outcomes if one.fault.kind == kind]) for kind in kinds),
    ):
        for first in (1, 3):
            blamed = sum(one.blames(first, final=False) for one in mine)
            shares[f"{name} @{first}"] = round(blamed / len(mine), 2)
    hours = [one.all.false_incidents_per_hour or 0.0 for one in found]
    shares["false an hour"] = round(sum(hours) / len(hours), 2)
    return shares


def _planned(rng: Generator, place: Estate, count: int) -> tuple[tuple[Code, ...], int]:
    kinds = [("exception", "slow_path")[n % 2] for n in range(count)]
    names = [str(name) for name in rng.permutation(place.ordinary)]
    at, found = LEARNING_SAMPLES, []
    for kind, name in zip(kinds, names, strict=False):
        at += QUIET_SAMPLES
        low, high = (0.0007, 0.005) if kind == "exception" else (3.0, 8.0)
        size = math.exp(rng.uniform(math.log(low), math.log(high)))
        found.append(Code(kind, name, slice(at, at + FAULT_SAMPLES), size))
        at += FAULT_SAMPLES
    return tuple(found), at + QUIET_SAMPLES


def _disturb(done: Disturbance, one: Code, length: int) -> None:
    rows, usual, size = (
        (done.failing, 0.0, one.size)
        if one.kind == "exception"
        # What the system reports of all requests hardly moves with a tenth of them.
        else (done.slower, 1.0, SLOW_SHARE * 0.3 * (one.size - 1))
    )
    row = rows.setdefault(one.service, np.full(length, usual))
    row[one.span] += size


def _recorded(
    rng: Generator, place: Estate, measured: tuple[Any, Weather], times: Any,
    planned: Sequence[Code],
) -> Recording:  # fmt: skip
    heads, values = reported(place, *measured)
    series, columns = np.nonzero(rng.random(values.shape) >= 0.01)
    order = np.argsort(columns, kind="stable")
    series, columns = series[order], columns[order]
    return Recording(
        folder=Path("code"),
        heads=heads,
        series=series.astype(np.int64),
        time=times[columns],
        value=values[series, columns],
        calls=tuple(Call(client=call.client, server=call.server) for call in place.calls),
        changes=(),
        faults=tuple(
            Fault(int(times[one.span.start]) - STEP * 500, one.service, one.kind) for one in planned
        ),
    )


def _records(it: System, rng: Generator) -> Iterator[Event]:
    """Yield what is logged and traced, from sample to sample, a record of each."""
    length = len(next(iter(it.seen.rate.values())))
    for at in range(length):
        time = START_MS + at * STEP * 1000
        now = {one.service: one for one in it.faults if one.span.start <= at < one.span.stop}
        yield _record("logs", at, time, b"\n".join(_lines(it, at, time, now, rng)))
        yield _record("traces", at, time, orjson.dumps(_spans(it, at, time, now, rng)))


def _record(topic: str, at: int, time: int, data: bytes) -> Event:
    return Event(f"partition:0/offset:{at}", SOURCE + topic, PLAIN_RECORD, time, data)


def _lines(it: System, at: int, time: int, now: dict[str, Code], rng: Generator) -> Iterator[bytes]:
    """Yield the lines of all services: what always goes wrong, and what is new."""
    for name in it.place.services:
        if name in it.place.stores | it.place.externals:
            continue
        requests = float(it.seen.rate[name][at]) * STEP
        said = ["info: answered 200 in 12 ms"] * 3
        known = rng.poisson(min(40.0, requests * 0.003))
        said += [f"error: {_known(name, int(n))}" for n in rng.integers(0, 4, known)]
        fault = now.get(name)
        if fault is not None and fault.kind == "exception":
            new = rng.poisson(min(60.0, requests * fault.size))
            said += [f"error: {name} cannot read property price of undefined"] * int(new)
        for text in said:
            level, _, message = text.partition(": ")
            line = {"time": time - 1, "service": name, "level": level, "message": message}
            yield orjson.dumps(line)


def _known(name: str, which: int) -> str:
    ways = ("upstream reset", "client went away", "cache miss storm", "retry gave up")
    return f"{name}: {ways[which]}"


def _spans(it: System, at: int, time: int, now: dict[str, Code], rng: Generator) -> dict[str, Any]:
    """Return spans of the operations of all services."""
    resources: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for name in it.place.services:
        if name in it.place.stores | it.place.externals:
            continue
        usual = float(it.seen.latency[name][at])
        fault = now.get(name)
        for operation in range(OPERATIONS):
            slow = fault.size if fault and fault.kind == "slow_path" and not operation else 1.0
            failing = fault.size if fault and fault.kind == "exception" else 0.0
            for n in range(SPANS):
                seconds = usual * slow * float(rng.lognormal(0.0, 0.15))
                resources[name].append(
                    {
                        "kind": 2, "name": f"GET /{'abcde'[operation]}", "traceId": f"{at}-{n}",
                        "spanId": f"{at}-{operation}-{n}",
                        "startTimeUnixNano": str(time * 1_000_000 - int(seconds * 1e9) - 1),
                        "endTimeUnixNano": str(time * 1_000_000 - 1),
                        "status": {"code": 2 if rng.random() < 0.003 + failing else 0},
                    }
                )  # fmt: skip
    return {
        "resourceSpans": [
            {
                "resource": {
                    "attributes": [{"key": "service.name", "value": {"stringValue": name}}]
                },
                "scopeSpans": [{"spans": spans}],
            }
            for name, spans in resources.items()
        ]
    }


if __name__ == "__main__":
    main()
