"""When the last instance goes."""

from dataclasses import dataclass

from bench.autoscaler.settings import Settings


@dataclass(slots=True)
class Idleness:
    """Keeps the last instance for a window, the grace period and the retention.

    Source: knative/serving pkg/reconciler/autoscaling/kpa/scaler.go, `handleScaleToZero`. The grace
    period is for the network: where the activator has been between for as long already, it is over.
    """

    settings: Settings
    _active_since: float | None = None
    _idle_since: float | None = None
    _between_since: float | None = None

    def watch(self, now: float, ready: int, panic: float) -> None:
        """Notice whether instances are there, and whether the activator stays between."""
        settings = self.settings
        if ready and self._active_since is None:
            self._active_since = now
        reserve = ready * settings.total - settings.burst_capacity - panic
        if reserve >= 0 and self._idle_since is None:
            self._between_since = None
        elif self._between_since is None:
            self._between_since = now

    def allowed(self, now: float, wanted: int) -> int:
        """Return how many instances there shall be, where `wanted` may be none."""
        if wanted:
            if self._idle_since is not None:
                self._active_since, self._idle_since = now, None
            return wanted
        if self._idle_since is None:
            if self._active_since is None or now - self._active_since < self.settings.window:
                return 1
            self._idle_since = now
            return 1
        return 0 if self._may_go(now, self._idle_since) else 1

    def gone(self) -> None:
        """Start anew: there is no instance any more."""
        self._active_since = self._idle_since = self._between_since = None

    def _may_go(self, now: float, since: float) -> bool:
        settings = self.settings
        idle = now - since
        between = 0.0 if self._between_since is None else now - self._between_since
        if idle >= max(settings.grace, settings.retention):
            return True
        return idle >= settings.retention and between >= settings.grace
