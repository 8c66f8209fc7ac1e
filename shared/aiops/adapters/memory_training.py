"""The training queue's twin in memory."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from aiops.errors import Unavailable
from aiops.events import TrainingRequested
from aiops.training import MOST_WAITING, Claim


@dataclass(slots=True)
class _Waiting:
    """One request: due at a time of its own, or leased until one."""

    request: TrainingRequested
    due: int
    at: int
    attempts: int = 0
    token: str = ""


@dataclass(slots=True)
class MemoryTrainingQueue:
    """Holds requests in a dictionary.

    Attributes:
        new_token: Tells this claim from everybody else's.
    """

    new_token: Callable[[], str] = lambda: uuid.uuid4().hex
    _waiting: dict[str, _Waiting] = field(default_factory=dict)

    def add(self, request: TrainingRequested, due: int) -> None:
        """Keep a request."""
        one = self._waiting.get(request.series)
        if one is None:
            if len(self._waiting) >= MOST_WAITING:
                raise Unavailable(f"training: {MOST_WAITING} requests wait")
            self._waiting[request.series] = _Waiting(request, due, due)
            return
        if request.requested_at > one.request.requested_at:
            one.request = request
        one.due = min(one.due, due)
        if not one.token:
            one.at = one.due

    def claim(self, now: int, lease_ms: int, limit: int) -> list[Claim]:
        """Lease requests that are due."""
        token = self.new_token()
        claims = []
        for _, key in sorted((one.at, key) for key, one in self._waiting.items())[:limit]:
            one = self._waiting[key]
            if one.at <= now:
                claims.append(Claim(one.request, token, one.attempts))
                one.attempts, one.token, one.at = one.attempts + 1, token, now + lease_ms
        return claims

    def finish(self, claim: Claim) -> bool:
        """Forget a request unless a newer one came meanwhile."""
        one = self._mine(claim)
        if one is None:
            return False
        if one.request.requested_at > claim.request.requested_at:
            one.attempts, one.token, one.at = 0, "", one.due
        else:
            del self._waiting[claim.request.series]
        return True

    def defer(self, claim: Claim, due: int) -> bool:
        """Give a request back until later."""
        one = self._mine(claim)
        if one is None:
            return False
        if one.request.requested_at <= claim.request.requested_at:
            one.due = due
        one.attempts, one.token, one.at = one.attempts - 1, "", one.due
        return True

    def due(self, now: int) -> int:
        """Return how many requests are due and not claimed."""
        return sum(one.at <= now for one in self._waiting.values())

    def _mine(self, claim: Claim) -> _Waiting | None:
        one = self._waiting.get(claim.request.series)
        return one if one is not None and one.token == claim.token else None
