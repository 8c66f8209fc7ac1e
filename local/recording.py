"""Recorded folders: samples, topology, changes and faults, read and checked."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ValidationError

from aiops.errors import Misconfigured
from aiops.events import Call, ChangeObserved, SeriesHead
from functions.correlate import topology_file
from local.evaluation import Fault, parse_faults
from local.told import Told, read_told

_COLUMNS = ("timestamp", "metric", "value")


@dataclass(frozen=True, slots=True)
class Recording:
    """What a folder holds.

    Attributes:
        heads: The distinct series.
        series: Index into `heads` of every sample, in the order recorded, shape (n,).
        time: Unix milliseconds, shape (n,); -1 where the stamp cannot be read.
        value: NaN where there is none, shape (n,).
        told: Lines of logs and traces by the time of each, unix milliseconds, in its order.
    """

    folder: Path
    heads: tuple[SeriesHead, ...]
    series: NDArray[np.int64]
    time: NDArray[np.int64]
    value: NDArray[np.float64]
    calls: tuple[Call, ...]
    changes: tuple[ChangeObserved, ...]
    faults: tuple[Fault, ...]
    told: tuple[Told, ...] = ()


def read_recording(folder: Path) -> Recording:
    """Read a recording folder.

    Raises:
        Misconfigured: a file is missing or cannot be read; the message names it.
    """
    samples = next((folder / n for n in _SAMPLES if (folder / n).is_file()), None)
    if samples is None:
        raise Misconfigured(f"{folder}: no samples.csv or samples.csv.gz")
    frame = _read_csv(samples)
    heads, series = _heads(frame)
    return Recording(
        folder=folder,
        heads=heads,
        series=series,
        time=unix_ms(frame["timestamp"]),
        value=pd.to_numeric(frame["value"], errors="coerce").to_numpy(np.float64),
        calls=read_calls(folder / "topology.csv"),
        changes=tuple(_changes(folder / "changes.jsonl")),
        faults=_faults(folder / "faults.json"),
        told=read_told(folder),
    )


def read_calls(file: Path) -> tuple[Call, ...]:
    """Return the calls a file of a topology lists, none where there is no file."""
    if not file.is_file():
        return ()
    return topology_file.read_calls(file)


def unix_ms(stamps: "pd.Series[Any]") -> NDArray[np.int64]:
    """Return stamps, epoch seconds or ISO 8601 (UTC unless it says), as milliseconds; -1: bad."""
    numbers = pd.to_numeric(stamps, errors="coerce")
    if numbers.notna().any():
        seconds = numbers.to_numpy(np.float64)
        good = np.isfinite(seconds) & (np.abs(seconds) < 1e12)
        return np.where(good, np.round(np.where(good, seconds, 0.0) * 1000), -1).astype(np.int64)
    moments = pd.to_datetime(stamps, errors="coerce", utc=True, format="ISO8601")
    whole = moments.to_numpy("datetime64[ms]").astype(np.int64)
    return np.where(moments.isna(), -1, whole)


_SAMPLES = ("samples.csv", "samples.csv.gz")


def _read_csv(file: Path) -> pd.DataFrame:
    try:
        text = {"metric": str}
        frame = pd.read_csv(file, dtype=text, keep_default_na=False, na_values={"value": [""]})
    except (ValueError, OSError, EOFError) as error:
        raise Misconfigured(f"{file}: {str(error).splitlines()[0]}") from None
    missing = [name for name in _COLUMNS if name not in frame.columns]
    if missing:
        raise Misconfigured(f"{file}: no column {missing[0]!r}")
    return frame


def _heads(frame: pd.DataFrame) -> tuple[tuple[SeriesHead, ...], NDArray[np.int64]]:
    labels = [name for name in frame.columns if name not in _COLUMNS]
    groups = frame.groupby(["metric", *labels], sort=True, dropna=False)
    heads = tuple(
        SeriesHead(
            metric=str(values[0]),
            labels={n: str(v) for n, v in zip(labels, values[1:], strict=True) if str(v)},
        )
        for values, _ in groups
    )
    return heads, np.asarray(groups.ngroup(), dtype=np.int64)


def _changes(file: Path) -> Iterator[ChangeObserved]:
    if not file.is_file():
        return
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        if line.strip():
            try:
                yield ChangeObserved.model_validate_json(line)
            except ValidationError as error:
                where = ".".join(str(part) for part in error.errors()[0]["loc"])
                raise Misconfigured(f"{file}:{number}: {where or 'not JSON'}") from None


def _faults(file: Path) -> tuple[Fault, ...]:
    if not file.is_file():
        return ()
    return parse_faults(file.read_text(encoding="utf-8"))
