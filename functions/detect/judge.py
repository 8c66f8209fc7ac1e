"""A rule with its detector made: who judges a series, and when an alarm is let through. Pure."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiops.detection import Detector, FloatArray, Scores, StateArray, TimeArray
from aiops.errors import Misconfigured
from aiops.plugins import load
from functions.detect.config import Rule
from functions.detect.record import kind_of, record_dtype
from functions.detect.together import ROW, Silent


@dataclass(frozen=True, slots=True)
class Judge:
    """A rule with its detector made, and the layout of the records it keeps."""

    rule: Rule
    detector: Detector
    layout: np.dtype[Any]
    kind: int
    alarm_line: float
    min_history: int

    @property
    def name(self) -> str:
        """Return what scores where no model does."""
        return stand_in(self.rule)

    @classmethod
    def of(cls, rule: Rule, *, buckets: bool = False) -> "Judge":
        """Make the detector a rule names.

        Args:
            rule: The rule.
            buckets: Whether for series that are made of others.

        Raises:
            Misconfigured: there is none of that name, or a parameter is wrong.
        """
        name = stand_in(rule)
        plugin = Silent if rule.together else load("functions.detect.detectors", name, "Detector")
        params = {} if rule.modelled else rule.params
        try:
            detector = _made(plugin, json.dumps(params, sort_keys=True, default=str))
        except (TypeError, ValueError) as error:
            raise Misconfigured(f"detect: params of {rule.detector}: {error}") from None
        row = ROW if rule.together else None
        layout = record_dtype(detector, modelled=rule.modelled, buckets=buckets, row=row)
        return cls(
            rule,
            detector,
            layout,
            kind_of(name, layout),
            detector.alarm_line if rule.alarm_line is None else rule.alarm_line,
            detector.min_history if rule.min_history is None else rule.min_history,
        )

    def lets_through(
        self,
        value: FloatArray,
        scores: Scores,
        learned: NDArray[np.bool_],
    ) -> NDArray[np.bool_]:
        """Return where nothing keeps an alarm from being raised, shape (n,).

        Args:
            value: The samples' values, shape (n,).
            scores: What the detector says of them.
            learned: Whether the series is known well enough, shape (n,).
        """
        return learned & _far_enough(self.rule, value, scores)

    def learned(
        self, header: StateArray, at: NDArray[np.int64], time: TimeArray
    ) -> NDArray[np.bool_]:
        """Return which series have been seen enough, and for long enough, shape (n,).

        Args:
            header: Headers of records.
            at: Which of them, shape (n,).
            time: Unix milliseconds of their samples, shape (n,).
        """
        enough: NDArray[np.bool_] = header["count"][at] >= self.min_history
        if self.rule.learn_for:
            enough &= time - np.abs(header["since"][at]) >= self.rule.learn_for * 1000
        return enough


def stand_in(rule: Rule) -> str:
    """Return the name of what scores the series of a rule where no model does."""
    if rule.together:
        return "together"
    return "baseline" if rule.modelled else rule.detector


@cache
def _made(plugin: Callable[..., Detector], params: str) -> Detector:
    """Return a detector; rules that want the same share one, so that their series are one batch."""
    return plugin(**json.loads(params))


def _far_enough(rule: Rule, value: FloatArray, scores: Scores) -> NDArray[np.bool_]:
    """Return where a value lies far enough from expected, on the side that counts."""
    distance = value - scores.expected
    if rule.detection_direction == "up":
        distance = np.maximum(distance, 0.0)
    elif rule.detection_direction == "down":
        distance = np.maximum(-distance, 0.0)
    else:
        distance = np.abs(distance)
    least = np.maximum(
        rule.min_dev_from_expected, rule.min_rel_dev_from_expected * np.abs(scores.expected)
    )
    wanted: NDArray[np.bool_] = (distance >= least) & (
        (distance > 0) | (rule.detection_direction == "both")
    )
    return wanted
