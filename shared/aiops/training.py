"""What fitting needs kept: requests and who works on them, artefacts, how fits ended."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from aiops.events import TrainingRequested

MOST_WAITING = 100_000
"""Requests that wait beyond which no more are taken."""


class ModelStatus(NamedTuple):
    """How the fit of a series ended, for people and for whoever fits next.

    Attributes:
        state: `active`; `refused`: worse than the baseline; `failed`: could not be fitted.
        detector: What was fitted, `baseline` where the choice fell on it.
        reason: Why, in words.
        quality: Figures by name.
        requested_at: When the request that was served was made; 0 where there was none.
    """

    series: str
    shard: int
    metric: str
    labels: dict[str, str]
    state: Literal["active", "refused", "failed"]
    detector: str
    reason: str
    made_at: int
    until: int
    quality: dict[str, float]
    requested_at: int = 0


class ModelStore(Protocol):
    """Holds artefacts by series and version, and how the last fit of each series ended."""

    def put(self, shard: int, series: str, made_at: int, until: int, packed: bytes) -> None:
        """Store an artefact; it is kept a day longer than it is valid."""

    def fetch(self, wanted: Sequence[tuple[int, str, int]]) -> list[bytes | None]:
        """Return artefacts by shard, series and version, in one round trip."""

    def note(self, status: ModelStatus) -> None:
        """Remember how a fit ended; of two of one series the later counts."""

    def status(self, series: str) -> ModelStatus | None:
        """Return how the last fit of a series ended."""

    def statuses(self) -> list[ModelStatus]:
        """Return how the last fit of every series ended, bounded by the store's lifetime."""


class Claim(NamedTuple):
    """A request that is ours to serve until the lease ends.

    Attributes:
        token: Tells our lease from everybody else's.
        attempts: How often it was claimed before.
    """

    request: TrainingRequested
    token: str
    attempts: int


class TrainingQueue(Protocol):
    """Requests by series: one each, kept until served, claimed by one at a time."""

    def add(self, request: TrainingRequested, due: int) -> None:
        """Keep a request; one of the same series is replaced if it is older, due at the earlier.

        Raises:
            Unavailable: too many wait already.
        """

    def claim(self, now: int, lease_ms: int, limit: int) -> list[Claim]:
        """Return requests that are due and that nobody works on, and lease them."""

    def finish(self, claim: Claim) -> bool:
        """Forget a request unless a newer one came meanwhile; False if the lease was lost."""

    def defer(self, claim: Claim, due: int) -> bool:
        """Give a request back until later, as if it had not been claimed.

        False if the lease was lost. A newer request that came meanwhile is due when it said.
        """

    def due(self, now: int) -> int:
        """Return how many requests are due and not claimed."""
