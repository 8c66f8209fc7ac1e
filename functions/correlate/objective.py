"""Service level objectives: how fast what an anomaly says would use up the errors allowed."""

from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from aiops.events import Evidence
from aiops.selector import Selector

PERIOD_HOURS = 30 * 24
"""Hours for which an objective allows its share of errors."""

BURN_RATES = ((14.4, 5), (6.0, 4), (3.0, 3), (1.0, 2))
"""From which rate of burning an incident is how severe at least.

These rates use up 2 % of the budget in an hour, 5 % in six hours, and 10 % in a day and in three.
Source: Google, "The Site Reliability Workbook", chapter 5, alerting on burn rate.
"""


class Objective(BaseModel):
    """What share must be good, and the series that says what share is.

    Attributes:
        match: The series.
        objective: The share that must be good, such as 0.999.
        good: Whether the series counts the good ones; otherwise it counts the errors.
        scale: What the series says where all are: 1, or 100 for per cent.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    match: Selector
    objective: Annotated[float, Field(gt=0, lt=1)]
    good: bool = False
    scale: Annotated[float, Field(gt=0)] = 1.0

    def burn(self, value: float) -> float:
        """Return how many times as fast as allowed errors come; 1 just lasts the period."""
        share = min(1.0, max(0.0, value / self.scale))
        return ((1 - share) if self.good else share) / (1 - self.objective)


def burning(evidence: Evidence, objectives: Iterable[Objective]) -> Iterator[tuple[int, str]]:
    """Yield the severities that the objectives of a series demand, with words.

    What is known is the value of the strongest anomaly, not the mean over an hour and over five
    minutes that an alert on burn rate asks for. So one sample alone counts one severity less.
    """
    peak = evidence.peak
    for objective in objectives:
        if peak.alert is not None or not objective.match.fits(peak.metric, peak.labels):
            continue
        rate = objective.burn(peak.value)
        severity = next((level for least, level in BURN_RATES if rate >= least), None)
        if severity is None:
            continue
        left = PERIOD_HOURS / rate
        lasts = f"{left / 24:.0f} days" if left > 48 else f"{left:.2g} h"
        words = (
            f"{peak.metric} of {peak.service} burns the budget of {objective.objective:.6g}"
            f" at {rate:.3g} times the rate allowed: 30 days' worth lasts {lasts}"
        )
        if evidence.count > 1:
            yield severity, words
        else:
            yield severity - 1, f"{words}; one sample so far"
