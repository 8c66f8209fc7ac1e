"""Series around an incident, with the band their detector had, found by running it again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aiops.events import Evidence
from aiops.history import History
from aiops.series import Series, SeriesMap
from functions.detect.config import DetectConfig
from functions.detect.judge import Judge
from local.explain.model import Curve
from local.recording import Recording
from local.referee import Alone

BEFORE_MS = 40 * 60_000
AFTER_MS = 10 * 60_000
MOST_POINTS = 400

RUN_AGAIN = (
    "band: what the detector took as usual for a single sample, found by running it again over the "
    "recorded samples; it takes in values once they were seen, and a dot inside it is an anomaly "
    "because it lasted"
)
ALONE = (
    "samples kept of its history; the bar is what was expected at its strongest anomaly, "
    "which is all that is known of the band"
)
DIFFERS = "; at the time it expected {expected:.4g}, by a model or verdicts not known here"


@dataclass(frozen=True, slots=True)
class Banded:
    """A whole series as its detector sees it, columns as in `Curve`, shape (n,) each."""

    time: NDArray[np.int64]
    value: NDArray[np.float64]
    expected: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    alarm: NDArray[np.bool_]


def heard(
    recordings: Sequence[Recording], wanted: Iterable[str], names: SeriesMap
) -> dict[str, tuple[Series, History]]:
    """Return the samples of those series that are wanted, by their key, over all recordings."""
    keys = set(wanted)
    parts: dict[str, tuple[Series, list[History]]] = {}
    for one in recordings:
        good = (one.time >= 0) & np.isfinite(one.value)
        for place, head in enumerate(one.heads):
            read = names.read(head)
            if isinstance(read, Series) and read.key in keys:
                rows = np.flatnonzero(good & (one.series == place))
                part = History(one.time[rows], one.value[rows])
                parts.setdefault(read.key, (read, []))[1].append(part)
    return {key: (series, _joined(found)) for key, (series, found) in parts.items()}


def _joined(parts: Sequence[History]) -> History:
    """Return points in the order of their time; of two at one time the first counts."""
    time, first = np.unique(np.concatenate([one.time for one in parts]), return_index=True)
    return History(time, np.concatenate([one.value for one in parts])[first])


def banded(known: Mapping[str, tuple[Series, History]], config: DetectConfig) -> dict[str, Banded]:
    """Return series with what their detector says of every sample, by their key.

    A series that a model may judge is judged by what judges it without one.
    """
    by_rule: dict[int, list[str]] = {}
    for key, (series, _) in known.items():
        by_rule.setdefault(config.rule_for(series), []).append(key)
    found: dict[str, Banded] = {}
    for place, keys in by_rule.items():
        judge = Judge.of(config.rule(place))
        found |= zip(keys, _judged(judge, [known[key][1] for key in keys]), strict=True)
    return found


def _judged(judge: Judge, histories: Sequence[History]) -> list[Banded]:
    referee = Alone(judge, len(histories))
    lengths = np.array([len(one.time) for one in histories])
    numbers = np.full((3, len(histories), lengths.max(initial=0)), np.nan)
    alarms = np.zeros(numbers.shape[1:], dtype=bool)
    for row in range(lengths.max(initial=0)):
        at = np.flatnonzero(lengths > row)
        time = np.array([histories[one].time[row] for one in at])
        value = np.array([histories[one].value[row] for one in at])
        said = referee.judge(at, time, value)
        scores = said.scores
        numbers[:, at, row] = scores.expected, scores.lower, scores.upper
        through = judge.lets_through(value, scores, said.learned)
        alarms[at, row] = through & (scores.evidence > said.line)
    return [
        Banded(
            one.time,
            one.value,
            numbers[0, place, :length],
            numbers[1, place, :length],
            numbers[2, place, :length],
            alarms[place, :length],
        )
        for place, (one, length) in enumerate(zip(histories, lengths, strict=True))
    ]


def around(series: Banded, piece: Evidence, first: int, last: int) -> Curve | None:
    """Return a series around an incident; None where it is not what its detector saw.

    A counter is scored by its rate, a histogram by its quantiles: of those the samples recorded
    are not the values judged, and nothing can be drawn.

    Args:
        series: The whole of it.
        piece: What it says in the incident.
        first: Time of the incident's first anomaly, unix milliseconds.
        last: Time of its last.
    """
    peak = piece.peak
    at = int(np.searchsorted(series.time, peak.time))
    if at == len(series.time) or series.time[at] != peak.time:
        return None
    if not np.isclose(series.value[at], peak.value, rtol=1e-6, atol=1e-12):
        return None
    start, stop = np.searchsorted(series.time, (first - BEFORE_MS, last + AFTER_MS + 1))
    inside = (series.time >= piece.first) & (series.time <= piece.last) & series.alarm
    known = np.isin(series.time, (piece.first, peak.time, piece.last)) | inside
    rows = _thinned(np.arange(start, stop), series.value, known)
    width = max(peak.upper - peak.lower, abs(peak.expected), 1e-12)
    same = abs(series.expected[at] - peak.expected) <= 0.02 * width
    note = RUN_AGAIN + ("" if same else DIFFERS.format(expected=peak.expected))
    return Curve(
        tuple(series.time[rows].tolist()),
        tuple(series.value[rows].tolist()),
        tuple(series.expected[rows].tolist()),
        tuple(series.lower[rows].tolist()),
        tuple(series.upper[rows].tolist()),
        tuple(series.time[rows][known[rows]].tolist()),
        note,
    )


def plain(history: History, piece: Evidence, first: int, last: int) -> Curve | None:
    """Return kept history around an incident, with no more of the band than its peak tells."""
    near = history.between(first - 6 * BEFORE_MS, last + AFTER_MS + 1)
    if len(near.time) < 2:
        return None
    peak = piece.peak
    extra = near.time != peak.time
    time = np.append(near.time[extra], peak.time)
    value = np.append(near.value[extra], peak.value)
    order = np.argsort(time)
    time, value = time[order], value[order]
    rows = _thinned(np.arange(len(time)), value, time == peak.time)
    band = np.where(time[rows] == peak.time, 1.0, np.nan)
    return Curve(
        tuple(time[rows].tolist()),
        tuple(value[rows].tolist()),
        tuple((band * peak.expected).tolist()),
        tuple((band * peak.lower).tolist()),
        tuple((band * peak.upper).tolist()),
        (peak.time,),
        ALONE,
    )


def _thinned(
    rows: NDArray[np.int64], value: NDArray[np.float64], known: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return so many of the rows that they can be drawn: of each stretch the extremes.

    Args:
        rows: Places in `value`, rising.
        value: Of all rows.
        known: Which are kept in any case.
    """
    if len(rows) <= MOST_POINTS:
        return rows
    kept: set[int] = set(rows[known[rows]].tolist()[:MOST_POINTS])
    for part in np.array_split(rows, MOST_POINTS // 2):
        kept |= {int(part[np.argmin(value[part])]), int(part[np.argmax(value[part])])}
    return np.array(sorted(kept), dtype=np.int64)
