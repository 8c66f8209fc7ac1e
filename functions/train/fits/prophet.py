"""Prophet: trend and seasons, left as a band on a grid of times."""

import logging
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from aiops.detection import FloatArray
from aiops.history import History
from functions.train.band import band, grid_of, margin_of
from functions.train.fit import HOUR_MS, Beat, Model, Span, Unfit
from functions.train.rollup import step_of, thinned

MOST_POINTS = 6_000
LEAST_POINTS = 100
DAY_WAVES, WEEK_WAVES = 4, 6
"""Harmonics of a day, as Prophet has them, and of a week: twice its, because weekends begin."""

BENDS_UNTIL, BENDS_UNTIL_LAST_WEEK = 0.8, 0.5
"""Share of the history within which the trend may bend.

With a week to be told from a trend, it may not bend in the last of two weeks: a weekend at the end
would be taken for the beginning of a decline. On a made-up week that halves the error two days
ahead, from 11.6 to 4.4 of a weekend's drop by 30.
"""

WHOLE_DAYS, WHOLE_WEEKS = 1.95, 13.5
"""Two days and two weeks, but for the samples that are always missing at an end."""


class Fit:
    """Fits without sampling; the half width comes from the residuals.

    Prophet's own way to a band draws a thousand futures; without changes of trend ahead these
    spread as the observation noise does, which is known.

    Args:
        horizon_hours: How far ahead the band reaches.
        country: Two letters; its holidays are days of their own, or like Sundays where the
            history has none.
        time_zone: In which days and weeks begin.
        changepoint_prior_scale: How readily the trend bends.
    """

    def __init__(
        self,
        horizon_hours: float = 36.0,
        country: str = "",
        time_zone: str = "UTC",
        changepoint_prior_scale: float = 0.05,
    ) -> None:
        """Take the parameters.

        Raises:
            ValueError: one is wrong.
        """
        if not 1.0 <= horizon_hours <= 168.0:
            raise ValueError("horizon_hours: 1 to 168")
        try:
            self._zone = ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"time_zone: no {time_zone!r}") from None
        self.horizon_ms = int(horizon_hours * HOUR_MS)
        self._country = country
        self._bends = changepoint_prior_scale

    def fit(self, history: History, span: Span, beat: Beat) -> Model:
        """Return the band of a history."""
        if len(history.time) < LEAST_POINTS:
            raise Unfit(f"{len(history.time)} points of history, Prophet takes {LEAST_POINTS}")
        step = step_of(history)
        points = thinned(history, MOST_POINTS)
        beat(f"prophet: {len(points.time)} points")
        model, seasons = self._fitted(points, span.days)
        expected = self._predicted(model, points.time)
        residual = points.value - expected
        spread = float(np.sqrt(np.mean(np.square(residual))))
        margin = margin_of(residual, spread, step)
        grid = grid_of(span, step)
        ahead = self._predicted(model, grid)
        half = np.full(len(grid), margin * spread)
        told = f"Prophet with {' and '.join(seasons) or 'no'} season"
        if self._country and "weekly" in seasons:
            ahead, half = self._like_sundays(model, grid, ahead, half)
            told += f", holidays of {self._country}"
        return band(grid, ahead, half, margin, f"{told}, {len(points.time)} points")

    def _fitted(self, points: History, days: float) -> tuple[Any, list[str]]:
        logging.getLogger("prophet.plot").disabled = True  # misses what nobody draws here
        from prophet import Prophet

        for name in ("prophet", "cmdstanpy"):
            logging.getLogger(name).disabled = True

        seasons = [
            name
            for name, least in (("daily", WHOLE_DAYS), ("weekly", WHOLE_WEEKS))
            if days >= least
        ]
        model = Prophet(
            daily_seasonality=DAY_WAVES if "daily" in seasons else False,
            weekly_seasonality=WEEK_WAVES if "weekly" in seasons else False,
            yearly_seasonality=False,
            changepoint_range=BENDS_UNTIL_LAST_WEEK if "weekly" in seasons else BENDS_UNTIL,
            changepoint_prior_scale=self._bends,
            uncertainty_samples=0,
        )
        if self._country:
            model.add_country_holidays(country_name=self._country)
        try:
            model.fit(self._frame(points.time, points.value))
        except (RuntimeError, ValueError) as error:
            raise Unfit(f"Prophet: {str(error).splitlines()[0][:200]}") from error
        return model, seasons

    def _frame(self, time: NDArray[np.int64], value: FloatArray | None = None) -> Any:
        """Return what Prophet takes: times without a zone, as clocks there show them."""
        import pandas as pd

        stamps = pd.to_datetime(time, unit="ms", utc=True).tz_convert(self._zone)
        frame = pd.DataFrame({"ds": stamps.tz_localize(None)})
        if value is not None:
            frame["y"] = value
        return frame

    def _predicted(self, model: Any, time: NDArray[np.int64]) -> FloatArray:
        return _ahead(model, self._frame(time)["ds"])

    def _like_sundays(
        self,
        model: Any,
        grid: NDArray[np.int64],
        ahead: FloatArray,
        half: FloatArray,
    ) -> tuple[FloatArray, FloatArray]:
        """Return a band that on holidays holds the band of a Sunday as well as the day's own.

        Two weeks seldom hold a holiday to learn from. Where the history does, what was learned
        of holidays is in the day's own band.
        """
        import holidays
        import pandas as pd

        ds = self._frame(grid)["ds"]
        free = holidays.country_holidays(self._country, years=sorted(set(ds.dt.year)))
        is_free = ds.dt.date.isin(list(free)).to_numpy()
        if not is_free.any():
            return ahead, half
        quiet = _ahead(model, ds + pd.to_timedelta(6 - ds.dt.weekday, unit="D"))
        lower = np.minimum(ahead, np.where(is_free, quiet, ahead)) - half
        upper = np.maximum(ahead, np.where(is_free, quiet, ahead)) + half
        return (lower + upper) / 2.0, (upper - lower) / 2.0


def _ahead(model: Any, ds: Any) -> FloatArray:
    """Return what is expected at local times, in any order: Prophet would sort them."""
    import pandas as pd

    moments, place = np.unique(ds.to_numpy(), return_inverse=True)
    found = model.predict(pd.DataFrame({"ds": moments}))["yhat"].to_numpy(dtype=np.float64)
    return np.asarray(found[place])
