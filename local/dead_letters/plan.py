"""What is published again, in which order, and what is not and why: pure decisions."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from local.dead_letters.letter import Letter, Place
from local.dead_letters.routes import Route, route_of
from local.delivery.policy import Answer, Verdict, judge

PORTION_BYTES = 32 << 20
"""How much is in memory at once."""

NOT_AN_EVENT = "no CloudEvent"
UNKNOWN_TOPIC = "no source or Trigger is known that it can have come by"
WOULD_COME_BACK = "the answer was final, it would come back; --force publishes it all the same"

Lane = tuple[str, int, str]
"""Topic, partition (-1 where not known) and, without a partition, key: what stays in order."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which letters are meant.

    Attributes:
        types: Patterns such as `dev.aiops.*`; empty: all.
        codes: Statuses, None for no answer; empty: all.
        since: Put there at or after this time, unix milliseconds.
    """

    types: tuple[str, ...] = ()
    codes: tuple[int | None, ...] = ()
    since: int = 0

    def passes(self, letter: Letter) -> bool:
        """Return whether a letter is meant."""
        return (
            letter.time >= self.since
            and (not self.codes or letter.code in self.codes)
            and (not self.types or any(fnmatchcase(letter.type, each) for each in self.types))
        )


@dataclass(frozen=True, slots=True)
class Ticket:
    """A letter that is to be published again.

    Attributes:
        topic: Where to.
        partition: The one it came from, None where not known.
        key: The record's key, empty where it has none.
        offset: The one it had there, 0 where not known.
        time: When it became a letter, unix milliseconds.
        size: Of its data, in bytes.
        redriven: How often it had been published again before.
    """

    place: Place
    topic: str
    partition: int | None
    key: str
    offset: int
    time: int
    size: int
    redriven: int

    @property
    def lane(self) -> Lane:
        """What it must stay in order with."""
        if self.partition is None:
            return self.topic, -1, self.key
        return self.topic, self.partition, ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is published again, in order, and how many are not, by reason."""

    tickets: tuple[Ticket, ...]
    refused: Counter[str]


def plan(letters: Iterable[Letter], routes: Sequence[Route], *, force: bool) -> Plan:
    """Decide about each letter and put what is published in the order it once had.

    Args:
        letters: Those that are meant.
        routes: Every way an event can have come.
        force: Whether those with a final answer are published, too.
    """
    tickets: list[Ticket] = []
    refused: Counter[str] = Counter()
    for letter in letters:
        decided = _decide(letter, routes, force=force)
        if isinstance(decided, str):
            refused[decided] += 1
        else:
            tickets.append(decided)
    tickets.sort(key=lambda each: (each.lane, each.offset, each.time, each.place))
    return Plan(tuple(tickets), refused)


def is_final(letter: Letter) -> bool:
    """Return whether the last answer was one that delivery does not try again after."""
    return letter.code is not None and judge(Answer(letter.code)) is Verdict.FAILED


def portions(tickets: Sequence[Ticket], size: int = PORTION_BYTES) -> Iterator[list[Ticket]]:
    """Yield the tickets in their order, so many at a time as fit into memory."""
    portion: list[Ticket] = []
    total = 0
    for ticket in tickets:
        if portion and total + ticket.size > size:
            yield portion
            portion, total = [], 0
        portion.append(ticket)
        total += ticket.size
    if portion:
        yield portion


def waves(tickets: Sequence[Ticket]) -> Iterator[list[Ticket]]:
    """Yield tickets that may be under way at the same time: one of each lane, in its order."""
    lanes: defaultdict[Lane, list[Ticket]] = defaultdict(list)
    for ticket in tickets:
        lanes[ticket.lane].append(ticket)
    for turn in range(max(map(len, lanes.values()), default=0)):
        yield [lane[turn] for lane in lanes.values() if turn < len(lane)]


def _decide(letter: Letter, routes: Sequence[Route], *, force: bool) -> Ticket | str:
    if letter.event is None:
        return NOT_AN_EVENT
    route = route_of(letter, routes)
    if route is None:
        return UNKNOWN_TOPIC
    if is_final(letter) and not force:
        return WOULD_COME_BACK
    partition, offset = letter.origin or (None, 0)
    key = letter.attribute("partitionkey")
    return Ticket(
        letter.place, route.topic, partition, key, offset, letter.time, letter.size,
        letter.redriven,
    )  # fmt: skip
