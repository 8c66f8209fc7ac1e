"""Things that are changed by events one at a time, with what they give out, each once in effect.

The state of a thing and what it gives out are stored together, before anything is published. What
may not be published yet stands in the state: whoever comes next publishes it first, so that nothing
is overtaken.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

from aiops.adapters.serve import child_trace
from aiops.clock import Clock
from aiops.errors import Unavailable
from aiops.open_windows import OpenWindows
from aiops.ports import Counts, Event, Message, Publisher
from aiops.series import shard_of
from aiops.series_store import NONCE_BYTES, Field, SeriesStore, Write

ROUNDS = 8
"""How often what was changed by someone else meanwhile is changed again."""

THINGS_A_TICK = 500
"""Things one tick looks at; the next looks at the others."""

MOST_PENDING = 200
"""Unpublished outputs of one thing beyond which they are published before it is changed."""

Output = tuple[str, bytes]
"""Name and data of what is to be published; the name tells what it is, and so does its id."""


class Kept(Protocol):
    """State of a thing.

    Attributes:
        wake: When the clock is to look at it; 0 where it need not.
        pending: Outputs that may not be published yet, in their order.
    """

    wake: int
    pending: list[str]


State = TypeVar("State", bound=Kept)


class Changed(NamedTuple):
    """What a change gave.

    Attributes:
        outputs: To be published, in order.
        counts: What happened, by word.
    """

    outputs: list[Output]
    counts: Counts


@dataclass(frozen=True, slots=True)
class Form(Generic[State]):
    """How a state is written, and whether it waits for the clock.

    Attributes:
        unpacked: Reads what is stored, or None for a new one.
        packed: Writes it; the first `NONCE_BYTES` tell it from every other.
        waits: Whether something is left to be done for it though nothing more comes.
    """

    unpacked: Callable[[bytes | None], State]
    packed: Callable[[State], bytes]
    waits: Callable[[State], bool]


@dataclass(slots=True)
class _Taken(Generic[State]):
    """A thing whose state was read, and what came of it.

    Attributes:
        nonce: Of the state as it was read.
        earlier: Outputs of before that are not published.
    """

    state: State
    nonce: bytes
    earlier: list[Output]
    changed: Changed


@dataclass(frozen=True, slots=True)
class Settling(Generic[State]):
    """Changes things by name.

    Attributes:
        store: States, and what is not published yet.
        index: What the clock has to look at.
        messages: Returns the events that carry outputs, given their cause and extensions.
        idle: Milliseconds after which the clock looks at what waits.
    """

    store: SeriesStore
    index: OpenWindows
    publisher: Publisher
    clock: Clock
    form: Form[State]
    messages: Callable[[Sequence[Output], Event, Mapping[str, str]], Sequence[Message]]
    idle: int

    def settle(
        self, event: Event, names: Sequence[str], change: Callable[[str, State], Changed]
    ) -> Counts:
        """Change things until each is stored, then publish what came of them.

        Args:
            event: The reason.
            names: Of the things, each once.
            change: Changes a state in place; called again where someone else was faster.

        Raises:
            Unavailable: something could not be stored or published.
        """
        counts: Counts = Counter()
        published: list[tuple[Field, Output]] = []
        left = list(names)
        for _ in range(ROUNDS):
            taken = self._take(event, left, change)
            refused = self._commit(taken)
            for name, one in taken.items():
                if name not in refused:
                    counts.update(one.changed.counts)
                    published += _placed(name, (*one.earlier, *one.changed.outputs))
            left = [name for name in left if name in refused]
            if not left:
                self._publish(event, published)
                return +counts
        raise Unavailable("state: changed by others again and again")

    def tick(self, event: Event, now: int, change: Callable[[str, State], Changed]) -> Counts:
        """Change what the clock has to look at.

        Args:
            event: The reason.
            now: By the clock.
            change: Changes a state in place.
        """
        due = self.index.due(now, THINGS_A_TICK)
        counts = self.settle(event, [one.service for one in due], change)
        self.index.settle(due)
        return counts

    def _take(
        self, event: Event, names: Sequence[str], change: Callable[[str, State], Changed]
    ) -> dict[str, _Taken[State]]:
        """Read things and change them."""
        if not names:
            return {}
        records = self.store.load([(shard_of(name), name) for name in names], (), 0).records
        states = [self.form.unpacked(record) for record in records]
        pending = self._pending(zip(names, states, strict=True))
        taken = {}
        for name, state, record in zip(names, states, records, strict=True):
            fields = ((out, (shard_of(name), out)) for out in state.pending)
            earlier = [(out, pending[field]) for out, field in fields if field in pending]
            if len(earlier) > MOST_PENDING:
                self._publish(event, _placed(name, earlier))
                earlier = []
            changed = change(name, state)
            state.pending = [out for out, _ in (*earlier, *changed.outputs)]
            taken[name] = _Taken(state, (record or b"")[:NONCE_BYTES], earlier, changed)
        return taken

    def _pending(self, states: Iterable[tuple[str, State]]) -> Mapping[Field, bytes]:
        """Return what things gave out that is not published."""
        fields = [(shard_of(name), out) for name, state in states for out in state.pending]
        return self.store.outputs(fields) if fields else {}

    def _commit(self, taken: Mapping[str, _Taken[State]]) -> set[str]:
        """Store what was changed, noted for the clock before; return which were refused."""
        now = self.clock.now()
        soon = []
        for name, one in taken.items():
            if not self.form.waits(one.state):
                one.state.wake = 0
            elif one.state.wake <= now + self.idle // 2:
                one.state.wake = now + self.idle
                soon.append(name)
        self.index.note(soon, now + self.idle)
        writes = [
            Write(
                shard_of(name), name, one.nonce, self.form.packed(one.state),
                outputs=tuple(one.changed.outputs),
            )
            for name, one in taken.items()
        ]  # fmt: skip
        names = list(taken)
        return {names[place] for place in self.store.commit(writes, now)} if writes else set()

    def _publish(self, cause: Event, published: Sequence[tuple[Field, Output]]) -> None:
        """Publish outputs, then forget them; a repeat carries the same ids."""
        if not published:
            return
        extensions = {"causationid": cause.id, **child_trace(cause, "detect")}
        self.publisher.publish(self.messages([one for _, one in published], cause, extensions))
        self.store.remove([place for place, _ in published])


def _placed(name: str, outputs: Iterable[Output]) -> list[tuple[Field, Output]]:
    return [((shard_of(name), output[0]), output) for output in outputs]
