"""A recording through a pipeline that is up, watched from the first event to the last answer."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from aiops.adapters.kafka_publisher import KafkaPublisher
from aiops.clock import ScaledClock
from aiops.errors import Unavailable
from local.demo.backlog import Backlog
from local.demo.feed import MINUTE, Feed
from local.demo.picture import Flow, Picture
from local.demo.stream import Stream
from local.demo.views import View
from local.demo.watcher import Watcher
from local.evaluation import Fault
from local.receiver import Receiver
from local.recording import Recording
from local.up import Pipeline

DOMAIN = "default"
_FAULT_SHOWN_MS = 10 * MINUTE
_STEP_SECONDS = 0.05
_LOOK_SECONDS = 0.25
_PATIENCE_SECONDS = 30.0
_CALM_SECONDS = 1.5
_TOPOLOGY = "Trigger topology-observed-to-correlate"
_TICKS = "PingSource tick"


@dataclass(frozen=True, slots=True)
class Place:
    """What a run happens on.

    Attributes:
        pipeline: Up already.
        receiver: Whom `act` sends to.
        clock: The pipeline's time.
    """

    pipeline: Pipeline
    receiver: Receiver
    clock: ScaledClock


class Live:
    """One run; see `run`."""

    def __init__(self, place: Place, recording: Recording, picture: Picture, view: View) -> None:
        pipeline = self._pipeline = place.pipeline
        self._receiver = place.receiver
        self._clock = place.clock
        self._recording = recording
        self._picture = picture
        self._view = view
        self._feed = Feed(recording, picture.judged_from)
        self._publisher = KafkaPublisher(pipeline.kafka.bootstrap)
        self._watcher = Watcher(pipeline.kafka.bootstrap, picture)
        self._backlog = Backlog(lambda: pipeline.counts, self._watcher)
        self._looked = 0.0

    def run(self) -> None:
        """Publish the topology, stream the recording, wait for what follows from it.

        Raises:
            Unavailable: something does not answer for half a minute.
        """
        self._watcher.start()
        try:
            self._picture.phase = "telling correlate who calls whom"
            self._publisher.publish([self._feed.topology(DOMAIN)])
            self._until(lambda: self._pipeline.counts[_TOPOLOGY].delivered > 0, "the topology")
            self._stream()
            self._picture.phase = "waiting for the last answers"
            self._until(self._calm(), "the last answers")
            self._look(now=True)
        finally:
            self._watcher.stop()

    def _stream(self) -> None:
        stream = Stream(self._feed, self._publisher, self._clock, self._backlog, self._picture)
        while not self._feed.finished:
            in_history = self._feed.reached < self._picture.judged_from
            what = (
                "half a day of history, as fast as it goes" if in_history else "the hours to judge"
            )
            self._picture.phase = f"streaming {what}"
            if not stream.step():
                time.sleep(_STEP_SECONDS)
            self._look()

    def _until(self, done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not done():
            if time.monotonic() > deadline:
                raise Unavailable(f"{what}: nothing in {_PATIENCE_SECONDS:.0f} s")
            time.sleep(_STEP_SECONDS)
            self._look()

    def _calm(self) -> Callable[[], bool]:
        """Return a test of whether nothing has waited for a while."""
        since = time.monotonic()

        def calm() -> bool:
            nonlocal since
            if self._backlog.everywhere():
                since = time.monotonic()
            return time.monotonic() - since >= _CALM_SECONDS

        return calm

    def _look(self, *, now: bool = False) -> None:
        """Take over the figures and show them, a few times a second."""
        if not now and time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        self._watcher.check()
        self._pipeline.restart_ended()
        counts = self._pipeline.counts
        picture = self._picture
        with picture.lock:
            picture.now = self._clock.now()
            picture.fault = self._fault(self._feed.reached)
            picture.sent = self._receiver.messages
            picture.flow = Flow(
                samples=self._feed.taken,
                share=self._feed.taken / len(self._recording.time),
                backlog=self._backlog.everywhere(),
                ticks=counts[_TICKS].delivered,
                retries=sum(one.retried for one in counts.values()),
                dead_letters=sum(one.dead_lettered + one.lost for one in counts.values()),
                refused=len(self._receiver.refusals),
            )
        self._view.show(picture)

    def _fault(self, now: int) -> Fault | None:
        begun = [fault for fault in self._recording.faults if fault.start <= now]
        return begun[-1] if begun and now - begun[-1].start <= _FAULT_SHOWN_MS else None
