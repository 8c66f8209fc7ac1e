"""How many instances Knative wants: the rules of its autoscaler."""

import math
from collections import deque

from bench.autoscaler.averages import Averages
from bench.autoscaler.settings import Settings


class Autoscaler:
    """Decides every two seconds, from the requests there are at a time.

    Source: knative/serving pkg/autoscaler/scaling/autoscaler.go, `Scale`.
    """

    def __init__(self, settings: Settings) -> None:
        """Start without a history, not in panic."""
        self.settings = settings
        self.averages = Averages(settings.window)
        self._panic_since: float | None = None
        self._most_in_panic = 0
        self._wanted: deque[tuple[float, int]] = deque()

    @property
    def panics(self) -> bool:
        """Whether the count may only rise."""
        return self._panic_since is not None

    def decide(self, now: float, ready: int) -> int | None:
        """Return how many instances should be there; None where nothing is known."""
        settings = self.settings
        stable = self.averages.over(settings.window, math.ceil(now))
        panic = self.averages.over(settings.panic_seconds, math.ceil(now))
        if stable is None or panic is None:
            return None
        there = max(1, ready)
        in_panic = math.ceil(panic / settings.aim)
        self._panic(now, 100 * in_panic / there)
        most = math.ceil(settings.up_rate * there)
        least = math.floor(there / settings.down_rate)
        wanted = _within(math.ceil(stable / settings.aim), least, most)
        if self.panics:
            held = max(wanted, _within(in_panic, least, most), self._most_in_panic)
            wanted = self._most_in_panic = held
        return self._delayed(now, wanted)

    def _panic(self, now: float, percent: float) -> None:
        """Begin, extend or end a panic; it ends a window after the threshold was last crossed."""
        if percent >= self.settings.panic_threshold:
            self._panic_since = now
        elif self._panic_since is not None and now - self._panic_since > self.settings.window:
            self._panic_since, self._most_in_panic = None, 0

    def _delayed(self, now: float, wanted: int) -> int:
        """Return the most that was wanted within the delay."""
        if not self.settings.down_delay:
            return wanted
        self._wanted.append((now, wanted))
        while self._wanted[0][0] <= now - self.settings.down_delay:
            self._wanted.popleft()
        return max(count for _, count in self._wanted)


def _within(count: int, least: int, most: int) -> int:
    return min(max(count, least), most)
