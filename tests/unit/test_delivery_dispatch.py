from collections.abc import Sequence
from dataclasses import dataclass, field

from local.delivery.cloudevent import CloudEvent
from local.delivery.counters import Counters, Counts
from local.delivery.dispatch import Dispatcher
from local.delivery.policy import Answer
from local.delivery.sinks import Sink
from local.objects import DeliverySpec

EVENT = CloudEvent({"type": "t", "id": "1", "time": "1970-01-01T00:00:01Z"}, b"")
REPLY = {"ce-specversion": "1.0", "ce-id": "r", "ce-source": "/s", "ce-type": "t"}


@dataclass
class Scripted:
    """A sink that gives its answers one after the other, the last for ever."""

    answers: Sequence[Answer]
    destination: str = "http://scripted"
    got: list[CloudEvent] = field(default_factory=list)
    timeouts: list[float] = field(default_factory=list)

    def send(self, event: CloudEvent, timeout: float) -> Answer:
        self.got.append(event)
        self.timeouts.append(timeout)
        return self.answers[min(len(self.got), len(self.answers)) - 1]


def statuses(*some: int | None) -> Scripted:
    return Scripted([Answer(status) for status in some])


@dataclass
class Bench:
    """A dispatcher with everything around it scripted."""

    subscriber: Scripted
    dead_letters: Scripted | None = None
    replies: Sink | None = None
    retry: int = 3
    stop_at_wait: int | None = None
    waits: list[float] = field(default_factory=list)
    counters: Counters = field(default_factory=Counters)

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return self.stop_at_wait is not None and len(self.waits) > self.stop_at_wait

    def dispatch(self) -> bool:
        spec = DeliverySpec.model_validate(
            {"retry": self.retry, "backoffDelay": "PT1S", "timeout": "PT7S"}
        )
        return Dispatcher(
            "test",
            spec,
            self.subscriber,
            self.dead_letters,
            self.replies,
            self.counters,
            self.wait,
        ).dispatch(EVENT)

    @property
    def counts(self) -> Counts:
        return self.counters.snapshot()


def test_an_accepted_event_is_sent_once_with_the_stated_time_out() -> None:
    bench = Bench(statuses(204))
    assert bench.dispatch()
    assert bench.subscriber.timeouts == [7.0]
    assert bench.counts == Counts(delivered=1, latest_event=1000)


def test_an_event_is_tried_again_until_it_is_accepted() -> None:
    bench = Bench(statuses(503, None, 204))
    assert bench.dispatch()
    assert [wait for wait in bench.waits if wait] == [2.0, 4.0]
    assert bench.counts == Counts(delivered=1, retried=2, latest_event=1000)


def test_after_the_last_retry_the_event_is_dead_lettered() -> None:
    bench = Bench(statuses(503), statuses(202), retry=2)
    assert bench.dispatch()
    assert len(bench.subscriber.got) == 3
    assert bench.dead_letters is not None
    assert bench.dead_letters.got[0].attributes["knativeerrorcode"] == "503"
    assert bench.counts == Counts(retried=2, dead_lettered=1)


def test_a_rejected_event_is_dead_lettered_at_once() -> None:
    bench = Bench(statuses(400), statuses(202))
    assert bench.dispatch()
    assert len(bench.subscriber.got) == 1
    assert bench.counts == Counts(dead_lettered=1)


def test_without_a_dead_letter_sink_the_event_is_given_up_and_counted() -> None:
    bench = Bench(statuses(400))
    assert bench.dispatch()
    assert bench.counts == Counts(lost=1)


def test_a_dead_letter_sink_is_tried_again_too_and_when_it_fails_the_event_is_given_up() -> None:
    bench = Bench(statuses(400), statuses(503), retry=2)
    assert bench.dispatch()
    assert bench.dead_letters is not None
    assert len(bench.dead_letters.got) == 3
    assert bench.counts == Counts(retried=2, lost=1)


def test_a_source_does_not_look_at_what_a_function_replies() -> None:
    bench = Bench(Scripted([Answer(200, {"content-type": "text/html"}, b"OK")]), statuses(202))
    assert bench.dispatch()
    assert bench.counts.delivered == 1


def test_a_trigger_publishes_the_event_a_function_replies_with() -> None:
    replies = statuses(202)
    bench = Bench(Scripted([Answer(200, REPLY, b"{}")]), statuses(202), replies)
    assert bench.dispatch()
    assert replies.got[0].attributes["id"] == "r"
    assert bench.counts.delivered == 1


def test_a_trigger_dead_letters_an_event_answered_with_text_without_trying_again() -> None:
    bench = Bench(Scripted([Answer(200, {}, b"OK")]), statuses(202), statuses(202))
    assert bench.dispatch()
    assert len(bench.subscriber.got) == 1
    assert bench.counts == Counts(dead_lettered=1)


def test_a_reply_that_cannot_be_published_dead_letters_the_event() -> None:
    bench = Bench(Scripted([Answer(200, REPLY, b"{}")]), statuses(202), statuses(503))
    assert bench.dispatch()
    assert bench.counts == Counts(dead_lettered=1)


def test_an_event_whose_delivery_is_stopped_while_waiting_stays_uncommitted() -> None:
    bench = Bench(statuses(503), statuses(202), stop_at_wait=1)
    assert not bench.dispatch()
    assert bench.dead_letters is not None
    assert bench.dead_letters.got == []
    assert bench.counts == Counts(retried=1)


def test_an_attempt_that_fails_because_everything_stops_is_no_reason_for_a_dead_letter() -> None:
    bench = Bench(statuses(None), statuses(202), retry=0, stop_at_wait=0)
    assert not bench.dispatch()
    assert bench.counts == Counts()
