"""Which series are meant, by patterns of metric and labels."""

import re
from collections.abc import Mapping
from functools import lru_cache

from pydantic import BaseModel, ConfigDict, Field, field_validator

from aiops.series import Series


class Selector(BaseModel):
    """Series by metric and labels; every pattern must match from start to end.

    Attributes:
        metric: Pattern of the metric's name.
        labels: Patterns of label values; an absent label is the empty text.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    metric: str = ".*"
    labels: dict[str, str] = Field(default_factory=dict)

    @field_validator("metric")
    @classmethod
    def _metric_is_a_pattern(cls, pattern: str) -> str:
        return checked_pattern(pattern)

    @field_validator("labels")
    @classmethod
    def _labels_are_patterns(cls, labels: dict[str, str]) -> dict[str, str]:
        return {name: checked_pattern(pattern) for name, pattern in labels.items()}

    def matches(self, series: Series) -> bool:
        """Return whether a series is one of those meant."""
        return self.fits(series.metric, dict(series.labels))

    def fits(self, metric: str, labels: Mapping[str, str]) -> bool:
        """Return whether a metric with these labels is one of those meant."""
        return re.fullmatch(self.metric, metric) is not None and all(
            re.fullmatch(pattern, labels.get(name, "")) for name, pattern in self.labels.items()
        )


@lru_cache(maxsize=256)
def checked_pattern(pattern: str) -> str:
    """Return a pattern as it is.

    Raises:
        ValueError: it is none.
    """
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no pattern: {error}") from None
    return pattern
