"""Several metrics of one service as one series of rows: which belong together, and their rows.

Samples of all the metrics that come in one event for one time are one row; see docs/verdicts.md.
Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiops.combination import MOST_METRICS
from aiops.detection import FloatArray, Scores, StateArray, TimeArray
from aiops.events import SeriesHead
from aiops.series import Series, SeriesMap
from functions.detect.config import DetectConfig, Rule
from functions.detect.rates import increase

ROW = np.dtype([("known", "<f8"), ("raw", "<f8", (MOST_METRICS,))])
"""The last readings of the counters in a row; `known` is 0 where there are none."""


@dataclass(frozen=True, slots=True)
class Joint:
    """Metrics of a service that an event speaks of, and that are looked at together.

    Attributes:
        head: Of the series of their rows.
        rule: Place of the rule that says so.
        column: Which value of a row a head gives, by the index of the head.
        counter: Which metrics are counters, shape (metrics,).
    """

    head: SeriesHead
    rule: int
    column: Mapping[int, int]
    counter: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one service in an event.

    Attributes:
        counter: Which values are those of counters, shape (d,).
        values: As they were sent, shape (d,), by the time of the row.
    """

    counter: NDArray[np.bool_]
    values: Mapping[int, FloatArray]


class Silent:
    """Stands in where no model scores: rows have no level of their own."""

    dtype: np.dtype[Any] = np.dtype([("count", "<i8")])
    alarm_line = 1.0
    min_history = 0

    def score(self, state: StateArray, time: TimeArray, value: FloatArray) -> Scores:  # noqa: ARG002 - at any time
        """Return no evidence for anything; see `aiops.detection.Detector`."""
        state["count"] += 1
        return Scores(np.zeros(len(value)), value, value, value, lambda _: "no model yet")


def joined(
    heads: Sequence[SeriesHead], names: SeriesMap, config: DetectConfig
) -> tuple[Joint, ...]:
    """Return what is to be looked at together among some heads.

    A service that has a metric twice, with other values of `by` all the same, is left out: nobody
    knows which of them goes with the rest.
    """
    found: list[Joint] = []
    for place, rule in enumerate(config.rules):
        if not rule.together:
            continue
        for (service, by), members in _members(heads, names, rule).items():
            columns = [members.get(metric, {}) for metric in rule.together]
            if all(len(series) == 1 for series in columns):
                labels = {names.service_from[0]: service, **dict(by)}
                head = SeriesHead(metric=rule.joint, labels=labels)
                indices = [next(iter(series.values())) for series in columns]
                counter = np.array([heads[mine[0]].kind == "counter" for mine in indices])
                column = {index: at for at, mine in enumerate(indices) for index in mine}
                found.append(Joint(head, place, column, counter))
    return tuple(found)


def gathered(joint: Joint, head: NDArray[np.int64], time: TimeArray, value: FloatArray) -> Rows:
    """Return the rows that are whole.

    Args:
        joint: What belongs together.
        head: Of every sample, shape (n,).
        time: Shape (n,).
        value: Finite, shape (n,); of two for one metric and time the first counts.
    """
    found: dict[int, FloatArray] = {}
    for at in np.flatnonzero(np.isin(head, list(joint.column))).tolist():
        row = found.setdefault(int(time[at]), np.full(len(joint.counter), np.nan))
        column = joint.column[int(head[at])]
        row[column] = value[at] if np.isnan(row[column]) else row[column]
    whole = {moment: row for moment, row in found.items() if np.isfinite(row).all()}
    return Rows(joint.counter, whole)


def with_rates(
    kept: StateArray, row: FloatArray, counter: NDArray[np.bool_], seconds: float
) -> FloatArray:
    """Return a row with rates in the place of counters, NaN where there is none; keep readings.

    Args:
        kept: Of `ROW`, shape (1,), updated in place.
        row: As it was sent, shape (d,).
        counter: Which are counters, shape (d,).
        seconds: Since the row before.
    """
    if not counter.any():
        return row
    made, at = row.copy(), np.flatnonzero(counter)
    with np.errstate(over="ignore", invalid="ignore"):  # a rate beyond all numbers is none
        grown, stands = increase(kept["raw"][0, at], row[at])
        first = kept["known"][0] == 0.0
        made[at] = np.nan if first else grown / seconds
    kept["raw"][0, at] = row[at] if first else stands
    kept["known"] = 1.0
    return made


Members = dict[tuple[str, tuple[tuple[str, str], ...]], dict[str, dict[str, list[int]]]]


def _members(heads: Sequence[SeriesHead], names: SeriesMap, rule: Rule) -> Members:
    """Return the heads of a rule's metrics by service, metric and series."""
    found: Members = {}
    for index, head in enumerate(heads):
        series = names.read(head) if head.metric in rule.together else ""
        if isinstance(series, Series) and rule.match.matches(series):
            present = dict(series.labels)
            by = tuple((name, present[name]) for name in rule.by if name in present)
            metrics = found.setdefault((series.service, by), {})
            metrics.setdefault(head.metric, {}).setdefault(series.key, []).append(index)
    return found
