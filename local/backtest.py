"""Series from files through one detector: a row out for every row in, nothing seen beforehand."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiops.detection import score_of
from aiops.errors import Misconfigured
from aiops.history import History
from functions.detect.config import Rule
from functions.detect.judge import Judge
from local.recording import unix_ms
from local.referee import FitNote, Said, referee

COLUMNS = (
    "timestamp",
    "value",
    "score",
    "raw",
    "is_anomaly",
    "expected",
    "lower",
    "upper",
    "reason",
)


@dataclass(frozen=True, slots=True)
class SeriesFile:
    """One series as a file holds it.

    Attributes:
        below: Where it lies below the path it was found by.
        stamps: As they stand in the file.
        time: Unix milliseconds, shape (n,).
        value: NaN for gaps, shape (n,).
        labelled: Which rows people call anomalous, shape (n,); None where nobody said.
    """

    file: Path
    below: Path
    stamps: tuple[str, ...]
    time: NDArray[np.int64]
    value: NDArray[np.float64]
    labelled: NDArray[np.bool_] | None = None


def find(paths: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Return every series file with its place below the path given, sorted.

    Raises:
        Misconfigured: a path does not exist, or there is no CSV file below any.
    """
    found: list[tuple[Path, Path]] = []
    for path in paths:
        if path.is_file():
            found.append((path, Path(path.name)))
        elif path.is_dir():
            files = sorted(file for file in path.rglob("*.csv*") if file.is_file())
            found += [(file, file.relative_to(path)) for file in files]
        else:
            raise Misconfigured(f"{path}: no such file or folder")
    if not found:
        raise Misconfigured(f"{', '.join(map(str, paths))}: no CSV file")
    return found


@dataclass(frozen=True, slots=True)
class Columns:
    """What columns are called, without regard to case and surrounding space.

    Attributes:
        label: Not 0 in rows that are anomalous; empty where there is no such column.
    """

    timestamp: str = "timestamp"
    value: str = "value"
    label: str = ""


def read_series(file: Path, below: Path, columns: Columns) -> SeriesFile:
    """Read a file.

    Raises:
        Misconfigured: it cannot be read, or a column is missing.
    """
    try:
        frame = pd.read_csv(file, dtype=str, keep_default_na=False)
    except (ValueError, OSError, EOFError) as error:
        raise Misconfigured(f"{file}: {str(error).splitlines()[0]}") from None
    named = {str(name).strip().lower(): name for name in frame.columns}
    for wanted in (columns.timestamp, columns.value, columns.label):
        if wanted and wanted.lower() not in named:
            raise Misconfigured(f"{file}: no column {wanted!r}; there is {', '.join(named)}")
    stamps = frame[named[columns.timestamp.lower()]]
    values = pd.to_numeric(frame[named[columns.value.lower()]], errors="coerce")
    labels = named.get(columns.label.lower())
    marks = None if labels is None else pd.to_numeric(frame[labels], errors="coerce").fillna(0)
    return SeriesFile(
        file,
        below,
        tuple(stamps),
        unix_ms(stamps),
        values.to_numpy(np.float64, copy=True),
        None if marks is None else marks.to_numpy() != 0,
    )


@dataclass(frozen=True, slots=True)
class Backtest:
    """What came of it.

    Attributes:
        frames: One of `COLUMNS` for every series, a row for each of its rows.
        fits: Every model that was fitted along the way, or was to be.
    """

    frames: Sequence[pd.DataFrame]
    fits: Sequence[FitNote]


def backtest(
    series: Sequence[SeriesFile],
    detector: str,
    progress: Callable[[int], None] = lambda _: None,
    beat: Callable[[str], None] = lambda _: None,
) -> Backtest:
    """Score every series from its beginning; the k-th rows of all of them in one step.

    A row whose stamp is not later than the last one taken, or whose value is a gap, scores 0.

    Raises:
        Misconfigured: there is no such detector.
    """
    judge = Judge.of(Rule(detector=detector))
    judged = referee(judge, [History(one.time, one.value) for one in series], beat)
    tables = [_Table(len(one.time)) for one in series]
    last = np.full(len(series), np.iinfo(np.int64).min)
    for row, files, time, value in _steps(series):
        fresh = np.isfinite(value) & (time > last[files]) & (time >= 0)
        at, moment, number = files[fresh], time[fresh], value[fresh]
        if len(at):
            said = judged.judge(at, moment, number)
            last[at] = moment
            _write(tables, at, row, said)
        progress(len(files))
    frames = [table.frame(one) for table, one in zip(tables, series, strict=True)]
    return Backtest(frames, judged.fits)


def _steps(
    series: Sequence[SeriesFile],
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]]:
    """Yield row number, the series that have such a row, and its times and values."""
    lengths = np.array([len(one.time) for one in series])
    longest = int(lengths.max())
    time = np.zeros((longest, len(series)), dtype=np.int64)
    value = np.full((longest, len(series)), np.nan)
    for place, one in enumerate(series):
        time[: len(one.time), place] = one.time
        value[: len(one.value), place] = one.value
    for row in range(longest):
        files = np.flatnonzero(lengths > row)
        yield row, files, time[row, files], value[row, files]


class _Table:
    """The columns of one series' outcome."""

    def __init__(self, rows: int) -> None:
        self.numbers = np.zeros((5, rows))
        self.numbers[2:] = np.nan
        self.is_anomaly = np.zeros(rows, dtype=bool)
        self.reasons: dict[int, str] = {}

    def frame(self, series: SeriesFile) -> pd.DataFrame:
        raw, score, expected, lower, upper = self.numbers
        reasons = [self.reasons.get(row, "") for row in range(len(raw))]
        alarms = self.is_anomaly.astype(int)
        columns = (
            series.stamps, series.value, score, raw, alarms, expected, lower, upper, reasons,
        )  # fmt: skip
        return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)))


def _write(tables: Sequence[_Table], at: NDArray[np.int64], row: int, said: Said) -> None:
    scores = said.scores
    score = score_of(scores.evidence, said.line)
    alarms = (scores.evidence > said.line) & said.learned
    columns = (scores.evidence, score, scores.expected, scores.lower, scores.upper)
    for number, values in enumerate(columns):
        for place, value in zip(at.tolist(), values.tolist(), strict=True):
            tables[place].numbers[number, row] = value
    for place in np.flatnonzero(alarms):
        table = tables[at[place]]
        table.is_anomaly[row] = True
        table.reasons[row] = scores.explain(int(place))
