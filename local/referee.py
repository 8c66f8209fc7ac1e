"""Who judges the rows of a backtest: a detector alone, or with models fitted along the way."""

import time as clock
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from aiops.detection import FloatArray, Scores, TimeArray
from aiops.history import History
from functions.detect.fitted import Entry, Fleet, Shelf
from functions.detect.group import MODEL_LINE
from functions.detect.judge import Judge
from functions.detect.modelled import Modelled
from functions.detect.record import HEADER, TRACK

Files = NDArray[np.int64]

_MEMORY = 1 << 30


class Said(NamedTuple):
    """What is said of one row each of n series.

    Attributes:
        line: The evidence at which each alarms, shape (n,).
        learned: Whether each is known well enough to alarm, shape (n,).
    """

    scores: Scores
    line: FloatArray
    learned: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class FitNote:
    """One fit of a backtest.

    Attributes:
        file: Place of the series.
        state: `active`, `refused` or `failed`.
        detector: What was fitted, `baseline` where the choice fell on it.
        seconds: Of processor time it took.
    """

    file: int
    time: int
    state: str
    detector: str
    reason: str
    seconds: float


class Referee(Protocol):
    """Judges series, each from its beginning."""

    @property
    def fits(self) -> Sequence[FitNote]:
        """Return every fit so far."""

    def judge(self, files: Files, time: TimeArray, value: FloatArray) -> Said:
        """Judge one row each of some series, and learn from it."""


class Alone:
    """A detector that learns as it goes.

    Args:
        judge: Its rule, made.
        count: How many series there are.
    """

    def __init__(self, judge: Judge, count: int) -> None:
        self._judge = judge
        self._state = np.zeros(count, dtype=judge.detector.dtype)
        self.header = np.zeros(count, dtype=HEADER)
        self.fits: Sequence[FitNote] = ()

    def judge(self, files: Files, time: TimeArray, value: FloatArray) -> Said:
        """Judge one row each of some series, and learn from it."""
        header = self.header
        state = self._state[files]
        scores = self._judge.detector.score(state, time, value)
        self._state[files] = state
        first = header["count"][files] == 0
        header["since"][files] = np.where(first, time, header["since"][files])
        learned = self._judge.learned(header, files, time)
        header["count"][files] += 1
        header["last"][files] = time
        return Said(scores, np.full(len(files), self._judge.alarm_line), learned)


@dataclass(slots=True)
class WithModels:
    """The baseline, and models in its place while they hold, fitted to what came before only.

    Attributes:
        judge_of_rows: Its rule, made; names what is fitted.
        series: Times and values of every series; only what has been judged is looked at.
        beat: Told what is being fitted.
        fits: Every fit so far.
    """

    judge_of_rows: Judge
    series: Sequence[History]
    beat: Callable[[str], None] = lambda _: None
    fits: list[FitNote] = field(default_factory=list)
    _alone: Alone = field(init=False)
    _modelled: Modelled = field(init=False)
    _entries: list[Entry | None] = field(init=False)
    _track: NDArray[Any] = field(init=False)
    _shelf: Shelf = field(default_factory=lambda: Shelf(_MEMORY))

    def __post_init__(self) -> None:
        """Begin with no model."""
        self._alone = Alone(self.judge_of_rows, len(self.series))
        self._entries = [None] * len(self.series)
        self._track = np.zeros(len(self.series), dtype=TRACK)
        self._renew()

    def judge(self, files: Files, time: TimeArray, value: FloatArray) -> Said:
        """Judge one row each of some series, learn from it, and fit what is asked for then."""
        said = self._alone.judge(files, time, value)
        judged = self._modelled.score(files, time, value, said.scores)
        line = np.where(judged.by_model, MODEL_LINE, said.line)
        rows = np.flatnonzero(judged.by_model)
        if len(rows):
            over = judged.scores.evidence[rows] > MODEL_LINE
            above = value[rows] > judged.scores.expected[rows]
            self._modelled.follow(files[rows], time[rows], over, above)
        accepted = np.zeros(len(self.series), dtype=bool)
        accepted[files] = True
        asked = [at for at, _ in self._modelled.asks(accepted)]
        for at in asked:
            self._fit(at)
        if asked:
            self._renew()
        return Said(judged.scores, line, said.learned | judged.by_model)

    def _renew(self) -> None:
        rule, header = self.judge_of_rows.rule, self._alone.header
        self._modelled = Modelled(rule, header, self._track, Fleet(self._entries))

    def _fit(self, at: int) -> None:
        """Fit one series to what it has shown, and use what comes of it if it is better."""
        from functions.train.baseline import baseline
        from functions.train.config import TrainConfig
        from functions.train.procedure import Task, serve

        rule, header = self.judge_of_rows.rule, self._alone.header
        now, config = int(header["last"][at]), TrainConfig()
        name = f"{at:032x}"
        task = Task(
            name, rule.detector, config.params_for(rule.detector, rule.params), now,
            self._history(at, now, int(config.history_days * 86_400_000)),
        )  # fmt: skip
        began = clock.process_time()
        outcome = serve(task, baseline, self.beat)
        took = clock.process_time() - began
        note = FitNote(at, now, outcome.state, outcome.detector, outcome.reason, took)
        self.fits.append(note)
        self.beat(f"{note.detector}: {note.state} after {took:.1f} s")
        if outcome.artefact:
            wanted = (0, name, now)
            self._entries[at] = self._shelf.find([wanted], lambda _: [outcome.artefact])[wanted]
            header["model"][at] = now

    def _history(self, at: int, now: int, longest_ms: int) -> History:
        """Return the first row of each step of time that was judged, as `detect` keeps them."""
        time, value = self.series[at]
        rising = time > np.maximum.accumulate(np.append(np.int64(-1), time[:-1]))
        rows = np.flatnonzero(rising & np.isfinite(value) & (time <= now))
        rows = rows[time[rows] > now - longest_ms]
        step = time[rows] // int(self.judge_of_rows.rule.history_step * 1000)
        rows = rows[np.append(True, step[1:] != step[:-1])] if len(rows) else rows
        return History(time[rows], value[rows])


def referee(
    judge: Judge, series: Sequence[History], beat: Callable[[str], None] = lambda _: None
) -> Referee:
    """Return who judges by a rule."""
    if judge.rule.modelled:
        return WithModels(judge, series, beat)
    return Alone(judge, len(series))
