"""From a history to a model that is better than the baseline, or to the reason why there is none.

Runs in the worker. Pure but for the beat: what is fitted depends on the task alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aiops.artefact import Artefact
from aiops.detection import Detector
from aiops.errors import Misconfigured
from aiops.history import History
from aiops.plugins import load
from functions.train import together
from functions.train.acceptance import Verdict, compare, split
from functions.train.choice import BASELINE, Choice, choose
from functions.train.finding import Finding
from functions.train.fit import DAY_MS, Beat, Fit, Model, Span, Unfit
from functions.train.rollup import days_of

FITS = "functions.train.fits"
AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Task:
    """A model that is wanted.

    Attributes:
        detector: A name in `functions/train/fits`, or `auto`.
        params: What fits are made with, by detector.
        now: Unix milliseconds: the version of the artefact, and from when on it is used.
    """

    series: str
    detector: str
    params: Mapping[str, Mapping[str, Any]]
    now: int
    history: History


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a fit ended; the words are those of `ModelStatus`.

    Attributes:
        detector: What was fitted, or was to be.
        until: Unix milliseconds up to which that holds: for a failure, until when the same would
            only fail again.
        artefact: Packed; empty where there is none.
    """

    state: Literal["active", "refused", "failed"]
    detector: str
    reason: str
    until: int
    quality: Mapping[str, float] = field(default_factory=dict)
    artefact: bytes = b""
    finding: Finding | None = None


def serve(task: Task, baseline: Callable[[], Detector], beat: Beat) -> Outcome:
    """Return how a fit ends; what a history does not allow is an end like any other."""
    choice = Choice(task.detector, "asked for by name")
    try:
        if task.detector == AUTO:
            choice = choose(task.history)
            beat(f"auto: {choice.detector}")
        if choice.detector == BASELINE:
            return Outcome("active", BASELINE, choice.reason, task.now + DAY_MS)
        return _fitted(task, choice, baseline, beat)
    except (Unfit, Misconfigured) as problem:
        return Outcome("failed", choice.detector, str(problem), task.now)


def _fitted(task: Task, choice: Choice, baseline: Callable[[], Detector], beat: Beat) -> Outcome:
    fit = _made(choice.detector, task.params.get(choice.detector, {}))
    days = days_of(task.history)
    head, tail = split(task.history)
    trial = fit.fit(head, Span(int(tail.time[0]), int(tail.time[-1]), days), beat)
    beat("held against the baseline")
    held_against = together.compare if trial.kind == together.KIND else compare
    verdict = held_against(trial, baseline(), head, tail)
    finding = _last_day(fit, task.history, beat)
    if not verdict.better:
        told = f"{choice.reason}; worse than the baseline: {verdict.reason}"
        until = task.now + DAY_MS
        return Outcome("refused", choice.detector, told, until, verdict.quality, finding=finding)
    until = task.now + fit.horizon_ms
    model = fit.fit(task.history, Span(task.now, until, days), beat)
    artefact = _artefact(task, choice, model, verdict, until)
    return Outcome(
        "active",
        choice.detector,
        artefact.reason,
        until,
        verdict.quality,
        artefact.pack(),
        finding,
    )


def _made(detector: str, params: Mapping[str, Any]) -> Fit:
    """Make the fit a task names.

    Raises:
        Misconfigured: there is none of that name.
        Unfit: a parameter is wrong.
    """
    plugin = load(FITS, detector, "Fit")
    try:
        made: Fit = plugin(**params)
    except (TypeError, ValueError) as error:
        raise Unfit(f"params of {detector}: {error}") from None
    return made


def _last_day(fit: Fit, history: History, beat: Beat) -> Finding | None:
    """Return what a fit that looks at whole days finds; one that cannot tell finds nothing."""
    look = getattr(fit, "last_day", None)
    if look is None:
        return None
    try:
        found: Finding | None = look(history, beat)
    except Unfit as problem:
        beat(f"last day: {problem}")
        return None
    return found


def _artefact(task: Task, choice: Choice, model: Model, verdict: Verdict, until: int) -> Artefact:
    return Artefact(
        series=task.series,
        kind=model.kind,
        detector=choice.detector,
        made_at=task.now,
        until=until,
        quality=verdict.quality,
        reason=f"{choice.reason}; {model.reason}; {verdict.reason}",
        params=model.params,
        arrays=model.arrays,
    )
