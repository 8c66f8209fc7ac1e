"""Requests at a time, averaged over the last seconds."""


class Averages:
    """One figure a second, kept for as long as a window.

    Source: knative/serving pkg/autoscaler/aggregation/bucketing.go. A window that is not full yet
    is averaged over what there is, so the first seconds after a silence count at once.
    """

    def __init__(self, seconds: int) -> None:
        """Keep `seconds` figures."""
        self._seconds = seconds
        self._figures: dict[int, float] = {}
        self._first = 0
        self._last = -seconds - 1

    def record(self, second: int, figure: float) -> None:
        """Keep the figure of the second that began at `second`, in place of an earlier one."""
        if second - self._last > self._seconds:
            self._figures.clear()
            self._first = second
        self._figures[second] = figure
        self._figures.pop(second - self._seconds - 1, None)
        self._last = second

    def over(self, seconds: int, now: int) -> float | None:
        """Return the average of the last seconds before `now`; None where nothing is known."""
        if now - self._last > seconds:
            return None
        begin = max(self._first, now - seconds)
        known = range(begin, self._last + 1)
        if not known:
            return None
        return sum(self._figures.get(second, 0.0) for second in known) / len(known)
