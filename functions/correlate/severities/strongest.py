"""The severity of the severest anomaly, whatever it is of: a plain reference."""

from collections.abc import Sequence

from functions.correlate.config import CorrelateConfig
from functions.correlate.grading import Grade
from functions.correlate.ranking import Case


class Severity:
    """Takes the severest anomaly for the whole incident."""

    def __init__(self, config: CorrelateConfig) -> None:
        """Need nothing of the configuration."""

    def grade(self, case: Case, affected: Sequence[str]) -> Grade:  # noqa: ARG002 - the port's
        """Return the severity of the severest anomaly; of several the strongest is named."""
        peak = max(
            (piece.peak for piece in case.evidence),
            key=lambda one: (one.severity, one.score, one.id),
        )
        words = f"{peak.metric} of {peak.service} alone is of severity {peak.severity}"
        return Grade(peak.severity, (words,))
