"""A worker whose fits hang, take all memory or end: what a library might do."""

import ctypes
import os
import time

import numpy as np

from aiops.detection import Scores
from functions.train import procedure, worker
from functions.train.band import band, grid_of
from functions.train.fit import HOUR_MS


class Steadfast:
    """A baseline that always expects 100, give or take 10."""

    dtype = np.dtype([("count", "<i8")])
    alarm_line = 1.0
    min_history = 0

    def __init__(self, expected=100.0):
        self.expected = expected

    def score(self, state, time, value):
        state["count"] += 1
        even = np.full(len(value), self.expected)
        evidence = np.abs(value - even) / 10.0
        return Scores(evidence, even, even - 10, even + 10, lambda _: "")


class Steady:
    """Expects the mean, and takes `seconds` for it."""

    horizon_ms = 24 * HOUR_MS

    def __init__(self, seconds=0.0, half=1.0, off=0.0):
        self.seconds, self.half, self.off = seconds, half, off

    def fit(self, history, span, beat):
        beat("steady")
        time.sleep(self.seconds)
        grid = grid_of(span, 300_000)
        even = np.ones(len(grid))
        return band(grid, even * (history.value.mean() + self.off), even * self.half, 3.0, "steady")


class Hanging(Steady):
    def fit(self, history, span, beat):
        beat("hanging")
        while True:
            time.sleep(1)


class Greedy(Steady):
    def fit(self, history, span, beat):
        kept = []
        while True:
            kept.append(np.ones(1 << 20))


class Forking(Steady):
    """Hangs in a process of its own, as Prophet's Stan might."""

    def fit(self, history, span, beat):
        if os.fork() == 0:
            beat(f"child {os.getpid()}")
            time.sleep(600)
        time.sleep(600)


class Crashing(Steady):
    def fit(self, history, span, beat):
        ctypes.string_at(0)


class Talking(Steady):
    def fit(self, history, span, beat):
        os.write(1, b"what a library prints\n")
        return super().fit(history, span, beat)


class Broken(Steady):
    def fit(self, history, span, beat):
        raise KeyError("no such column")


FITS = {
    "steady": Steady,
    "hanging": Hanging,
    "greedy": Greedy,
    "forking": Forking,
    "crashing": Crashing,
    "talking": Talking,
    "broken": Broken,
}

if __name__ == "__main__":
    procedure.load = lambda package, name, kind: FITS[name]
    worker.baseline = lambda: Steadfast(expected=103.0)
    worker.main()
