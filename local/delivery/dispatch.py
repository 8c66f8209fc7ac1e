"""One event's way: to the subscriber, again when that may help, to the dead letter sink at last."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from local.delivery.cloudevent import CloudEvent
from local.delivery.counters import Counters
from local.delivery.policy import Answer, Verdict, backoff, dead_letter, judge, reply_of
from local.delivery.sinks import Sink
from local.objects import DeliverySpec

log = logging.getLogger(__name__)

Wait = Callable[[float], bool]
"""Waits so many seconds; True, at once, when delivery is stopping."""


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Delivers events of one source or Trigger.

    Attributes:
        name: Of the object, for the log.
        spec: Retries, back-off and time-out.
        subscriber: Where events go.
        dead_letters: Where those go that cannot be delivered; None: they are lost.
        replies: Where reply events go. None, as for a KafkaSource: replies are not looked at.
        counters: Counts what becomes of events.
        wait: Waits between attempts.
    """

    name: str
    spec: DeliverySpec
    subscriber: Sink
    dead_letters: Sink | None
    replies: Sink | None
    counters: Counters
    wait: Wait

    def dispatch(self, event: CloudEvent) -> bool:
        """Return True once the event needs no more care, False when stopped before that."""
        self.counters.add(in_flight=1)
        try:
            return self._dispatch(event)
        finally:
            self.counters.add(in_flight=-1)

    def _dispatch(self, event: CloudEvent) -> bool:
        answer = self._attempts(self.subscriber, event)
        if answer is None:
            return False
        if judge(answer) is Verdict.DONE and self._replied(answer):
            self.counters.add(delivered=1)
            self.counters.seen(_event_time(event))
            return True
        return self._bury(event, answer)

    def _attempts(self, sink: Sink, event: CloudEvent) -> Answer | None:
        """Return the last answer, None when stopped before there was one to act on."""
        retry = 0
        while True:
            answer = sink.send(event, self.spec.timeout)
            if judge(answer) is not Verdict.AGAIN:
                return answer
            if self.wait(0):
                return None
            if retry == self.spec.retry:
                return answer
            retry += 1
            self.counters.add(retried=1)
            delay = backoff(self.spec, retry)
            log.warning("%s: %s: again in %g s", self.name, answer.words, delay)
            if self.wait(delay):
                return None

    def _replied(self, answer: Answer) -> bool:
        """Return whether a 2xx answer is accepted, its reply event published where it has one."""
        if self.replies is None:
            return True
        accepted, event = reply_of(answer)
        if event is None:
            return accepted
        return judge(self.replies.send(event, self.spec.timeout)) is Verdict.DONE

    def _bury(self, event: CloudEvent, answer: Answer) -> bool:
        what = event.attributes.get("type"), event.attributes.get("id")
        if self.dead_letters is None:
            log.error("%s: lost %s %s: %s", self.name, *what, answer.words)
            self.counters.add(lost=1)
            return True
        letter = dead_letter(event, self.subscriber.destination, answer)
        taken = self._attempts(self.dead_letters, letter)
        if taken is None:
            return False
        if judge(taken) is Verdict.DONE:
            log.warning("%s: dead letter %s %s: %s", self.name, *what, answer.words)
            self.counters.add(dead_lettered=1)
        else:
            words = answer.words, taken.words
            log.error("%s: lost %s %s: %s; dead letter sink: %s", self.name, *what, *words)
            self.counters.add(lost=1)
        return True


def _event_time(event: CloudEvent) -> int:
    """Return an event's `time` in unix milliseconds, 0 where it has none that can be read."""
    try:
        return int(datetime.fromisoformat(event.attributes["time"]).timestamp() * 1000)
    except (KeyError, ValueError, OverflowError):
        return 0
