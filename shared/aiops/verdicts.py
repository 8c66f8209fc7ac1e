"""What people said: of anomalies by series, and of the causes of incidents."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from aiops.events import Verdict

MOST_VERDICTS = 128
"""Anomalies of one series whose verdicts are kept; beyond that the one given first goes."""

VERDICT_LIFETIME = 90 * 24 * 3_600_000
"""Milliseconds a series' verdicts are kept after the last of them."""


class Given(NamedTuple):
    """The last word on one anomaly; `withdrawn` is one, too.

    Attributes:
        anomaly: Its id.
        time: When it was, unix milliseconds.
        detector: What found it.
        evidence: The detector's own.
        given_at: Of two on the same anomaly the later counts.
    """

    anomaly: str
    verdict: Verdict
    time: int
    detector: str
    evidence: float
    given_by: str
    given_at: int


MOST_CAUSES = 1_000
"""Incidents of a domain whose verdicts on the cause are kept; that given first goes first."""


class CauseGiven(NamedTuple):
    """The last word on the root cause of one incident.

    Attributes:
        incident: Its id.
        cause: The service it was; None where nobody knows, or it was none of the suspects.
        ranker: What named the suspects.
        suspects: Services people were first told of, the first suspect first.
        score: That of the first one.
        given_at: Of two on the same incident the later counts.
    """

    incident: str
    cause: str | None
    ranker: str
    suspects: tuple[str, ...]
    score: float
    given_by: str
    given_at: int


class VerdictStore(Protocol):
    """Holds verdicts by series; adding the same one again changes nothing, in any order."""

    def add(self, shard: int, series: str, given: Given) -> None:
        """Keep a verdict, unless there is a later one on the same anomaly."""

    def read(self, places: Sequence[tuple[int, str]]) -> list[tuple[Given, ...]]:
        """Return the verdicts on `(shard, series)` pairs, each in the order they were given."""

    def everything(self) -> Iterator[tuple[str, tuple[Given, ...]]]:
        """Yield every series of which something was said, and what, in no order."""


def causes_in_order(given: Iterable[CauseGiven]) -> tuple[CauseGiven, ...]:
    """Return verdicts on causes in the order they were given."""
    return tuple(sorted(given, key=lambda one: (one.given_at, one.incident)))


def in_order(given: Sequence[Given]) -> tuple[Given, ...]:
    """Return verdicts in the order they were given."""
    return tuple(sorted(given, key=lambda one: (one.given_at, one.anomaly)))
