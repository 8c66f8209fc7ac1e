"""How often receivers let themselves be called, as their documents say."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Rate:
    """So many calls in any stretch of so many seconds.

    Attributes:
        says_when: Whether the answer to one too many holds `Retry-After`.
    """

    calls: int
    seconds: float
    says_when: bool
    timer: Callable[[], float]
    _taken: deque[float] = field(default_factory=deque)

    def refusal(self) -> Mapping[str, str] | None:
        """Return the headers of a 429 where this call is one too many, None where it is not."""
        now = self.timer()
        while self._taken and self._taken[0] <= now - self.seconds:
            self._taken.popleft()
        if len(self._taken) < self.calls:
            self._taken.append(now)
            return None
        wait = self._taken[0] + self.seconds - now
        return {"Retry-After": str(int(wait) + 1)} if self.says_when else {}


def vendors(timer: Callable[[], float]) -> Mapping[str, Rate]:
    """Return the documented rates: Slack a message a second, PagerDuty 120 calls a minute.

    Sources: https://docs.slack.dev/apis/web-api/rate-limits and
    https://developer.pagerduty.com/docs/events-api-v2-overview#api-rate-limits
    """
    return {
        "slack": Rate(1, 1.0, says_when=True, timer=timer),
        "pagerduty": Rate(120, 60.0, says_when=False, timer=timer),
    }
