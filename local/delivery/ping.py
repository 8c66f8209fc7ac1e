"""PingSource: an event on a schedule, in the pipeline's time."""

import logging
import threading
import uuid

from aiops.adapters.cloudevent import iso
from aiops.clock import Clock
from local.delivery.cloudevent import CloudEvent
from local.delivery.counters import Counters
from local.delivery.cron import Schedule
from local.delivery.dispatch import Dispatcher, Wait
from local.delivery.sinks import Sink
from local.objects import DeliverySpec, PingSource

log = logging.getLogger(__name__)

RETRIES = DeliverySpec.model_validate({"retry": 5, "backoffDelay": "PT0.05S", "timeout": "PT30S"})
"""Source: knative/eventing, pkg/adapter/mtping: five retries, exponential from 50 ms."""

_LATE_MS = 1_000


class Pinger:
    """Sends ticks, one after the other, at the minutes of the pipeline's clock.

    A tick that came due while an earlier one was still being delivered is left out and counted:
    under compressed time a queue of ticks would only fall further behind.
    """

    def __init__(
        self, source: PingSource, sink: Sink, clock: Clock, counters: Counters, wait: Wait
    ) -> None:
        self._source = source
        self._schedule = Schedule.parse(source.spec.schedule)
        self._clock = clock
        self._counters = counters
        self._wait = wait
        name = f"PingSource {source.metadata.name}"
        self._dispatcher = Dispatcher(name, RETRIES, sink, None, None, counters, wait)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start sending."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Wait for the end; `wait` has been told before."""
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def _run(self) -> None:
        due = self._schedule.next_after(self._clock.now())
        while not self._sleep_until(due):
            self._dispatcher.dispatch(self.tick(due))
            following = self._schedule.next_after(due)
            while following + _LATE_MS * self._clock.rate < self._clock.now():
                self._counters.add(missed=1)
                following = self._schedule.next_after(following)
            due = following

    def _sleep_until(self, due: int) -> bool:
        return self._wait(max(0.0, (due - self._clock.now()) / 1000 / self._clock.rate))

    def tick(self, due: int) -> CloudEvent:
        """Return the event of one tick, at unix milliseconds `due`."""
        metadata, spec = self._source.metadata, self._source.spec
        attributes = {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": f"/apis/v1/namespaces/{metadata.namespace}/pingsources/{metadata.name}",
            "type": "dev.knative.sources.ping",
            "time": iso(due),
        }
        if spec.content_type is not None:
            attributes["datacontenttype"] = spec.content_type
        return CloudEvent(attributes, None if spec.data is None else spec.data.encode())
