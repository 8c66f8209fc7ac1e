"""Bands: what is expected and how far around it, on a grid of times.

Arrays `expected`, `lower` and `upper`, float32, shape (n,), belong to the times
`start + step * arange(n)`; between two of them lies a straight line. `deviations` says how many
standard deviations of the noise half a width is.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from aiops.detection import FloatArray
from functions.train.fit import ALERTS_PER_DAY, DAY_MS, Model, Span, Unfit

LEAST_STEP_MS = 300_000
"""What is expected changes slowly; a finer grid would only be larger."""

LEAST_MARGIN, MOST_MARGIN = 3.0, 12.0
TAIL = 0.02
"""Share of a history's residuals from which the tail beyond them is judged."""


def grid_of(span: Span, step: int) -> NDArray[np.int64]:
    """Return the times of a band's grid; they hold the whole span between them."""
    step = max(step, LEAST_STEP_MS)
    start = span.start // step * step
    count = -(-(span.until - start) // step) + 1
    return start + step * np.arange(count, dtype=np.int64)


def tail_line(size: FloatArray, samples_per_day: float) -> float:
    """Return the size that is exceeded `ALERTS_PER_DAY` times a day.

    Beyond a high quantile sizes are taken to fall off exponentially, as in peaks over threshold;
    the median excess is used, because outliers in the history must not widen the line.
    Source: Pickands (1975), with the shape held at 0; the median of an exponential is its mean
    times ln 2.

    Args:
        size: Sizes, 0 and up, shape (n,).
        samples_per_day: How many of them make a day.
    """
    threshold = float(np.quantile(size, 1.0 - TAIL))
    over = size[size > threshold] - threshold
    scale = float(np.median(over)) / np.log(2.0) if len(over) else 0.0
    wanted = min(TAIL, ALERTS_PER_DAY / samples_per_day)
    return threshold + scale * float(np.log(TAIL / wanted))


def margin_of(residual: FloatArray, spread: float, step: int) -> float:
    """Return how many spreads the half width of a band has to be.

    Raises:
        Unfit: nothing ever moved, so there is nothing to measure by.
    """
    if not np.isfinite(spread) or spread <= 0.0:
        raise Unfit("the history does not move")
    line = tail_line(np.abs(residual) / spread, DAY_MS / step)
    return float(np.clip(line, LEAST_MARGIN, MOST_MARGIN))


def band(
    grid: NDArray[np.int64], expected: FloatArray, half: FloatArray, margin: float, reason: str
) -> Model:
    """Return the model of a band whose half width is given on the grid, shape (n,).

    Raises:
        Unfit: it is not finite, or so narrow that it would be lost in float32.
    """
    least = np.abs(expected) * np.finfo(np.float32).eps * 4
    half = np.maximum(half, least)
    with np.errstate(over="ignore", invalid="ignore"):
        arrays = {"expected": expected, "lower": expected - half, "upper": expected + half}
        packed = {name: array.astype(np.float32) for name, array in arrays.items()}
    if not all(np.isfinite(array).all() for array in packed.values()) or not (half > 0).all():
        raise Unfit("the fitted band is no band")
    params = {"start": int(grid[0]), "step": int(grid[1] - grid[0]), "deviations": margin}
    return Model("band", reason, params, packed)


def at(model: Model, time: NDArray[np.int64]) -> Mapping[str, FloatArray]:
    """Return expected, lower and upper at some times, which must lie within the band."""
    start, step = int(model.params["start"]), int(model.params["step"])
    grid = start + step * np.arange(len(model.arrays["expected"]))
    return {
        name: np.interp(time, grid, model.arrays[name].astype(np.float64))
        for name in ("expected", "lower", "upper")
    }


def evidence(model: Model, time: NDArray[np.int64], value: FloatArray) -> FloatArray:
    """Return distance from expected over the half width: 1 at the edge of the band."""
    edges = at(model, time)
    half = np.maximum((edges["upper"] - edges["lower"]) / 2.0, np.finfo(np.float64).tiny)
    return np.asarray(np.abs(value - edges["expected"]) / half)
