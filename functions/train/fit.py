"""What a way to fit promises, and what it leaves."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from aiops.history import History

Beat = Callable[[str], None]
"""Told in words what is being done, so that whoever waits sees that something is."""

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

ALERTS_PER_DAY = 0.1
"""How often a series may alarm while nothing is wrong; lines are drawn for it."""


class Unfit(Exception):
    """A history that a model cannot be fitted to; the message says why."""


@dataclass(frozen=True, slots=True)
class Span:
    """What a model is to speak of.

    Attributes:
        start: Unix milliseconds from which on it is used.
        until: Unix milliseconds up to which it is.
        days: Length of all the history there is, of which a trial fit sees less.
    """

    start: int
    until: int
    days: float


@dataclass(frozen=True, slots=True)
class Model:
    """What a fit leaves for scoring; docs/training.md has the layout of each kind.

    Attributes:
        kind: `band` or `forest`.
        reason: What was fitted, in words.
        params: What the kind needs besides arrays.
        arrays: By name.
    """

    kind: str
    reason: str
    params: Mapping[str, float | int | str]
    arrays: Mapping[str, NDArray[Any]]


class Fit(Protocol):
    """One way to fit a model to a history; made with the parameters of a request.

    Attributes:
        horizon_ms: How long what it leaves is valid at most.
    """

    horizon_ms: int

    def fit(self, history: History, span: Span, beat: Beat) -> Model:
        """Return a model of a history.

        Raises:
            Unfit: it cannot be fitted to this history.
        """
