"""Where time goes: calls timed from outside, so that what is measured stays as it is."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any


class Stopwatch:
    """Adds up, by stage, the seconds spent in it and in nothing it called.

    For one thread.
    """

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._inner: list[float] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a block."""
        self._inner.append(0.0)
        began = time.perf_counter()
        try:
            yield
        finally:
            took = time.perf_counter() - began
            self.seconds[name] += took - self._inner.pop()
            if self._inner:
                self._inner[-1] += took

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that does the same and is timed."""

        def call(*given: Any, **named: Any) -> Any:
            with self.stage(name):
                return function(*given, **named)

        return call


class Timed:
    """Stands for an object, some methods of which are timed."""

    def __init__(self, watch: Stopwatch, target: Any, stages: Mapping[str, str]) -> None:
        self._watch, self._target, self._stages = watch, target, stages

    def __getattr__(self, name: str) -> Any:
        """Return the target's attribute, timed where it belongs to a stage."""
        found = getattr(self._target, name)
        stage = self._stages.get(name)
        return found if stage is None else self._watch.timed(stage, found)
