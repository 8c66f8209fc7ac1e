"""Instances: they start, serve with one core, and are drained."""

from dataclasses import dataclass


@dataclass(slots=True)
class Pod:
    """One instance.

    Attributes:
        created: When it was asked for.
        ready: When it begins to serve.
        processor: When its core is free again; what came before is served first.
        requests: Requests it has.
        gone: When it was told to end.
    """

    created: float
    ready: float
    processor: float = 0.0
    requests: int = 0
    gone: float | None = None


class Pods:
    """All instances there are and were."""

    def __init__(self, start: float, concurrency: int) -> None:
        """Start with none; `start` in seconds, `concurrency` 0 for no limit."""
        self._start = start
        self._concurrency = concurrency
        self.current: list[Pod] = []
        self._past: list[Pod] = []

    def scale(self, count: int, now: float) -> list[Pod]:
        """Add or end instances until there are `count`; return those that were added.

        Those not ready go first, then the youngest.
        """
        while len(self.current) > count:
            pod = self.current.pop()
            pod.gone = now
            self._past.append(pod)
        added = [Pod(now, now + self._start) for _ in range(count - len(self.current))]
        self.current += added
        return added

    def ready(self, now: float) -> int:
        """Return how many can serve."""
        return sum(pod.ready <= now for pod in self.current)

    def free(self, now: float) -> Pod | None:
        """Return the instance with the fewest requests that can take one more."""
        best: Pod | None = None
        for pod in self.current:
            fewer = best is None or pod.requests < best.requests
            if pod.ready <= now and fewer:
                best = pod
        if best is None or (self._concurrency and best.requests >= self._concurrency):
            return None
        return best

    def seconds(self, now: float) -> float:
        """Return the seconds of all instances, each from being asked for to being told to end."""
        lives = [(pod.gone if pod.gone is not None else now) - pod.created for pod in self._past]
        return sum(lives) + sum(now - pod.created for pod in self.current)
