"""The dead letter topic on Kafka: read from beginning to end, and published from again."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from kafka.errors import KafkaError

from aiops import topics
from aiops.errors import Unavailable
from local.dead_letters.letter import Letter, Mark, Place, mark, original, read_record
from local.dead_letters.plan import Ticket, portions, waves
from local.dead_letters.reading import reading, records, seek
from local.delivery.cloudevent import CloudEvent, to_record
from local.delivery.sinks import LazyProducer

_FLUSH_SECONDS = 12.0

Advance = Callable[[int], None]


class DeadLetters:
    """The letters of one broker; what it does to them, it does to the broker alone.

    Redriving puts an event where it came from, waits for the broker's word, and then puts a mark
    into the dead letter topic, behind the letter. Whoever dies in between has marked less than was
    published, so the next attempt publishes some events a second time, by the same ids.

    Args:
        bootstrap: The broker's addresses.
        topic: Where dead letters are.
    """

    def __init__(self, bootstrap: str, topic: str = topics.DEAD_LETTERS) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._producer = LazyProducer(bootstrap)

    def read(self) -> Iterator[Letter | Mark]:
        """Yield everything in the topic, a letter before the marks that speak of it.

        Raises:
            Unavailable: the broker does not answer, or there is no such topic.
        """
        with reading(self._bootstrap, self._topic) as (consumer, partitions):
            consumer.assign(partitions)
            consumer.seek_to_beginning(*partitions)
            for record in records(consumer, consumer.end_offsets(partitions)):
                yield read_record(record)

    def fetch(self, places: Collection[Place]) -> dict[Place, Letter]:
        """Return letters by their places, those that are gone left out.

        Raises:
            Unavailable: the broker does not answer, or there is no such topic.
        """
        wanted = frozenset(places)
        with reading(self._bootstrap, self._topic) as (consumer, partitions):
            ends = seek(consumer, partitions, wanted)
            found = (read_record(record) for record in records(consumer, ends)) if ends else ()
            return {
                letter.place: letter
                for letter in found
                if isinstance(letter, Letter) and letter.place in wanted
            }

    def redrive(self, tickets: Sequence[Ticket], advance: Advance = lambda _: None) -> int:
        """Publish events again, each lane in its order; return how many.

        Of a lane nothing is sent before the one before it is acknowledged. Letters that are gone
        by now are passed over.

        Raises:
            Unavailable: the broker did not acknowledge; what it did is marked.
        """
        published = 0
        for portion in portions(tickets):
            letters = self.fetch([ticket.place for ticket in portion])
            there = [ticket for ticket in portion if ticket.place in letters]
            for wave in waves(there):
                self._publish_wave(wave, letters)
                published += len(wave)
                advance(len(wave))
        return published

    def close(self) -> None:
        """Disconnect."""
        self._producer.close()

    def _publish_wave(self, wave: Sequence[Ticket], letters: Mapping[Place, Letter]) -> None:
        events: list[tuple[str, int | None, CloudEvent]] = []
        for ticket in wave:
            event = letters[ticket.place].event
            if event is None:
                raise Unavailable(f"letter {ticket.place}: is not what it was")
            again = original(event, ticket.redriven + 1)
            events.append((ticket.topic, ticket.partition, again))
        acknowledged = self._send(events)
        done = [ticket for ticket, taken in zip(wave, acknowledged, strict=True) if taken is None]
        marks = [
            (self._topic, ticket.place.partition, mark(letters[ticket.place])) for ticket in done
        ]
        problems = [each for each in (*acknowledged, *self._send(marks)) if each is not None]
        if problems:
            raise Unavailable(f"Kafka at {self._bootstrap}: not acknowledged: {problems[0]}")

    def _send(self, events: Sequence[tuple[str, int | None, CloudEvent]]) -> list[str | None]:
        """Send, and return for each event what went wrong, None where it is acknowledged."""
        if not events:
            return []
        try:
            producer = self._producer.connected()
            futures = []
            for topic, partition, event in events:
                key, value, headers = to_record(event)
                there = partition in (producer.partitions_for(topic) or ())
                to = partition if there else None
                value = value or b""  # without one, a compacted topic would forget the key
                futures.append(producer.send(topic, value, key, headers, to))
            producer.flush(timeout=_FLUSH_SECONDS)
        except (KafkaError, AssertionError, ValueError) as error:
            return [type(error).__name__ for _ in events]
        return [
            None
            if future.is_done and not future.failed()
            else type(future.exception).__name__
            if future.is_done
            else "no answer in time"
            for future in futures
        ]
