"""Between delivery and a function: what is delivered twice, late, or while it still runs."""

import threading
from collections import Counter
from collections.abc import Callable
from random import Random

from local.delivery.cloudevent import CloudEvent
from local.delivery.policy import Answer
from local.delivery.sinks import Sink

SHARES = {"delayed": 0.015, "twice": 0.02, "late": 0.02, "zombie": 0.02}
"""Which share of deliveries is troubled in which way."""

_LATE_SECONDS = (1.0, 6.0)
_DELAY_SECONDS = 0.6
_ZOMBIE_LEAD_SECONDS = 0.03


class Redelivery:
    """What at-least-once delivery may do, done on purpose, until it is calmed.

    Attributes:
        counts: How often each kind was done; `attempts` are all that a function was sent.
    """

    def __init__(self, seed: int) -> None:
        self._random = Random(f"redelivery {seed}")
        self._lock = threading.Lock()
        self._calm = threading.Event()
        self._waiting: set[threading.Thread] = set()
        self.counts: Counter[str] = Counter()

    def through(self, sink: Sink) -> Sink:
        """Return a sink that troubles what goes to this one."""
        return _Troubled(sink, self)

    def calm(self) -> None:
        """Trouble nothing from now on; late ones go out at once."""
        self._calm.set()
        with self._lock:
            waiting = list(self._waiting)
        for thread in waiting:
            thread.join(30.0)

    def draw(self) -> tuple[str, float]:
        """Return how to trouble a delivery, empty for not at all, and a number from 0 to 1."""
        with self._lock:
            self.counts["attempts"] += 1
            drawn, share = self._random.random(), self._random.random()
            if self._calm.is_set():
                return "", share
            for kind, part in SHARES.items():
                if drawn < part:
                    self.counts[kind] += 1
                    return kind, share
                drawn -= part
            return "", share

    def wait(self, seconds: float) -> None:
        """Wait, or until it is calm."""
        self._calm.wait(seconds)

    def aside(self, attempt: Callable[[], object]) -> None:
        """Make an attempt beside delivery, which does not hear of its answer."""

        def work() -> None:
            try:
                attempt()
            finally:
                with self._lock:
                    self._waiting.discard(thread)

        thread = threading.Thread(target=work, name="redelivery", daemon=True)
        with self._lock:
            self._waiting.add(thread)
            self.counts["attempts"] += 1
        thread.start()


class _Troubled:
    """A sink whose deliveries are troubled."""

    def __init__(self, sink: Sink, redelivery: Redelivery) -> None:
        self._sink = sink
        self._redelivery = redelivery

    @property
    def destination(self) -> str:
        """Where it is."""
        return self._sink.destination

    def send(self, event: CloudEvent, timeout: float) -> Answer:
        """Deliver, in one of the ways; never raises."""
        kind, share = self._redelivery.draw()
        if kind == "delayed":
            self._redelivery.wait(share * _DELAY_SECONDS)
        elif kind == "zombie":  # the first attempt runs on while the event is delivered again
            self._redelivery.aside(lambda: self._sink.send(event, timeout))
            self._redelivery.wait(share * _ZOMBIE_LEAD_SECONDS)
        answer = self._sink.send(event, timeout)
        if kind == "twice":
            return self._sink.send(event, timeout)
        if kind == "late":
            shortest, longest = _LATE_SECONDS

            def again() -> None:
                self._redelivery.wait(shortest + share * (longest - shortest))
                self._sink.send(event, timeout)

            self._redelivery.aside(again)
        return answer
