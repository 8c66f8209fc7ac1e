"""Luminaire: harmonics and ARIMA on roll-ups, left as a band; and whether a day was like others.

`LADStructuralModel` predicts the mean of the next hours or days. A sample also has the noise within
its hour, so the half width adds both. `WindowDensityModel` compares the distribution of a whole day
with the day before. It needs all the day's values and the density of the other's, so nothing small
could be left for scoring one sample: `last_day` runs it here, with every fit, and what it finds
becomes an anomaly of the day.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiops.detection import FloatArray
from aiops.history import History
from functions.train.band import LEAST_MARGIN, band, margin_of
from functions.train.finding import Finding
from functions.train.fit import DAY_MS, HOUR_MS, Beat, Model, Span, Unfit
from functions.train.rollup import bridged, rolled, step_of

ROLL_UPS = {"hourly": ("H", HOUR_MS, 144, 48), "daily": ("D", DAY_MS, 21, 10)}
"""Luminaire's name, length, how many it takes at least, and how many it looks ahead.

Source: luminaire 0.4.0.dev3, `LADStructuralModel`.
"""

MOST_MISSING = 0.1
WINDOW_MS = 15 * 60_000
WINDOWS = DAY_MS // WINDOW_MS
DAYS_FOR_DENSITY = 7.0
SURE = 0.999


class Fit:
    """Fits `LADStructuralModel`.

    Args:
        roll_up: `hourly` or `daily`.
        horizon_hours: How far ahead the band reaches.
        p: Order of the autoregression.
        q: Order of the moving average.
        frequencies: How many harmonics at most.
        last_day: Whether the last day is held against those before.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - each is a setting
        self,
        roll_up: str = "hourly",
        horizon_hours: float = 36.0,
        p: int = 2,
        q: int = 0,
        frequencies: int = 3,
        last_day: bool = True,  # noqa: FBT001, FBT002 - a setting, given by name
    ) -> None:
        """Take the parameters.

        Raises:
            ValueError: one is wrong.
        """
        if roll_up not in ROLL_UPS:
            raise ValueError(f"roll_up: {' or '.join(ROLL_UPS)}")
        if not 1.0 <= horizon_hours <= 47.0:
            raise ValueError("horizon_hours: 1 to 47")
        self.horizon_ms = int(horizon_hours * HOUR_MS)
        self._freq, self._step, self._least, self._most = ROLL_UPS[roll_up]
        self._p, self._q, self._frequencies = p, q, frequencies
        self._last_day = last_day

    def fit(self, history: History, span: Span, beat: Beat) -> Model:
        """Return the band of a history."""
        time, mean = _whole(history, self._step)
        missing = float(np.mean(~np.isfinite(mean)))
        if len(mean) < self._least or missing > MOST_MISSING:
            told = f"{len(mean)} roll-ups, {missing:.0%} of them empty"
            raise Unfit(f"{told}; Luminaire takes {self._least}, at most 10% empty")
        filled = bridged(mean)
        if np.ptp(filled) == 0.0:
            raise Unfit("the history does not move")
        beat(f"luminaire: {len(mean)} roll-ups")
        predicted, error = self._ahead(time, filled, span.until)
        middle = time + self._step // 2
        inside = history.value - np.interp(history.time, middle, filled)
        spread = float(np.sqrt(np.mean(np.square(inside))))
        noisy = step_of(history) < self._step and spread > 0.0
        margin = margin_of(inside, spread, step_of(history)) if noisy else LEAST_MARGIN
        grid = int(middle[-1]) + self._step * np.arange(len(predicted) + 1, dtype=np.int64)
        half = margin * np.sqrt(np.square(error) + (spread**2 if noisy else 0.0))
        told = f"LADStructural on {len(mean)} roll-ups of {self._step // HOUR_MS} h"
        return band(grid, np.append(filled[-1], predicted), np.append(half[0], half), margin, told)

    def last_day(self, history: History, beat: Beat) -> Finding | None:
        """Return what sets the last whole day apart from those before; None where nothing does."""
        time, mean = rolled(history, WINDOW_MS)
        days = len(mean) / WINDOWS
        if not self._last_day or days < DAYS_FOR_DENSITY or step_of(history) > WINDOW_MS:
            return None
        if np.mean(~np.isfinite(mean)) > MOST_MISSING:
            return None
        filled = bridged(mean)[:-1]  # the last window is not over
        before, day = filled[:-WINDOWS], filled[-WINDOWS:]
        if np.ptp(day) == 0.0 or np.ptp(before) == 0.0:
            return None  # a density needs something to spread over
        beat("luminaire: last day against those before")
        with _quiet():
            sure = _density(time[: len(before)], before, time[len(before) : len(filled)], day)
        if sure < SURE:
            return None
        return Finding.of_day(int(time[len(filled)]), day, before, sure)

    def _ahead(
        self, time: NDArray[np.int64], mean: FloatArray, until: int
    ) -> tuple[FloatArray, FloatArray]:
        """Return predicted means and their standard errors, for the roll-ups up to a time."""
        import pandas as pd

        wanted = -(-(until - int(time[-1])) // self._step) + 1
        with _quiet():
            model = self._trained(time, mean)
            stamps = pd.to_datetime(
                time[-1] + self._step * np.arange(1, min(wanted, self._most) + 1), unit="ms"
            )
            answers = [model.score(float(mean[-1]), stamp) for stamp in stamps]
        failed = next((one for one in answers if not one.get("Success")), None)
        if failed is not None:
            raise Unfit(f"Luminaire: {str(failed.get('ErrorMessage'))[:200]}")
        return (
            np.array([one["Prediction"] for one in answers], dtype=np.float64),
            np.array([one["StdErr"] for one in answers], dtype=np.float64),
        )

    def _trained(self, time: NDArray[np.int64], mean: FloatArray) -> Any:
        from luminaire.exploration.data_exploration import DataExploration
        from luminaire.model.lad_structural import LADStructuralHyperParams

        frame = _frame(time, mean)
        explored, summary = DataExploration(
            freq=self._freq,
            fill_rate=1.0 - MOST_MISSING,
            data_shift_truncate=False,
            is_log_transformed=False,
        ).profile(frame)
        if not summary.get("success"):
            raise Unfit(f"Luminaire: {str(summary.get('ErrorMessage'))[:200]}")
        params = LADStructuralHyperParams(
            is_log_transformed=False,
            include_holidays_exog=False,
            p=self._p,
            q=self._q,
            max_ft_freq=self._frequencies,
        ).params
        trained, _, model = _structural()(hyper_params=params, freq=self._freq).train(
            data=explored, **summary
        )
        if not trained:
            raise Unfit("Luminaire: LADStructural could not be trained")
        return model


def _whole(history: History, step: int) -> tuple[NDArray[np.int64], FloatArray]:
    """Return roll-ups, without the last where it is not over."""
    time, mean = rolled(history, step)
    usual = step_of(history)
    if len(time) and history.time[-1] + usual < time[-1] + step:
        return time[:-1], mean[:-1]
    return time, mean


def _frame(time: NDArray[np.int64], mean: FloatArray) -> Any:
    import pandas as pd

    stamps = pd.DatetimeIndex(pd.to_datetime(time, unit="ms"), name="index")
    return pd.DataFrame({"raw": mean}, index=stamps)


def _density(
    known: NDArray[np.int64], before: FloatArray, time: NDArray[np.int64], day: FloatArray
) -> float:
    """Return how sure `WindowDensityModel` is that a day is unlike the one before, 0 to 1.

    Raises:
        Unfit: it could not be trained, or does not answer.
    """
    from luminaire.exploration.data_exploration import DataExploration
    from luminaire.model.window_density import WindowDensityHyperParams, WindowDensityModel

    config = WindowDensityHyperParams(
        freq="15min",
        detection_method="kldiv",
        baseline_type="last_window",
        window_length=WINDOWS,
        min_window_length=10,
        max_window_length=100_000,
    ).params
    explored, summary = DataExploration(freq="15min", window_length=WINDOWS).stream_profile(
        _frame(known, before)
    )
    config.update(summary)
    trained, _, model = WindowDensityModel(hyper_params=config).train(data=explored)
    if not trained:
        raise Unfit("Luminaire: WindowDensity could not be trained")
    frame = _frame(time, day)
    frame["interpolated"] = frame["raw"]
    try:
        answer, _ = model.score(frame)
    except (ValueError, np.linalg.LinAlgError) as error:
        raise Unfit(f"Luminaire: WindowDensity: {str(error)[:200]}") from error
    if not answer.get("Success"):
        raise Unfit("Luminaire: WindowDensity does not answer")
    return float(answer["AnomalyProbability"])


def _structural() -> Any:
    """Return `LADStructuralModel` with a Fourier term that numpy of today can compute.

    The original divides complex numbers by `//`. numpy refuses that, and when it did not it
    rounded the term to whole numbers, which removed it from whatever lies between 0 and 1.
    Source: luminaire 0.4.0.dev3, `lad_structural.py`, `_inv_fft`; numpy pull request 19135.
    """
    from luminaire.model.lad_structural import LADStructuralModel

    class Structural(LADStructuralModel):  # type: ignore[misc] # it has no types
        @classmethod
        def _inv_fft(cls, n_extp: int, n: int, idx: Any, a: Any) -> Any:
            phase = 2 * np.pi * np.outer(np.arange(n_extp), np.asarray(idx)) / n
            return (np.exp(1j * phase) @ np.asarray(a)) / n

    return Structural


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep warnings of libraries about their own code to themselves, and their chance fixed.

    Luminaire draws from numpy's common generator: the same history would end now so, now so.
    """
    before = np.random.get_state()  # noqa: NPY002 - it is the one Luminaire draws from
    np.random.seed(0)  # noqa: NPY002 - likewise
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    finally:
        np.random.set_state(before)  # noqa: NPY002 - likewise
