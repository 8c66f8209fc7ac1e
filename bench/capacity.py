"""How many batches a second one core of Redis carries.

With two cores no number of functions brings a Redis to its limit. So what `detect` says to Redis
is recorded, batch by batch, the records are put back as they were, and the same bytes are sent
again by a client that does nothing else. A commit that was accepted once is accepted again, because
it finds the very records it expects; the answers are looked at.
"""

import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import hiredis
import redis
from redis.connection import Connection

from aiops.adapters.keys import SERIES_LIFETIME
from bench.load import connected
from bench.machine import on_cores, two_cores
from bench.rounds import ROUNDS
from bench.scale import redis_processor
from bench.stages import in_process
from bench.warm import warm_up
from bench.workload import STEP_MS, Sweeps, groups, record_key
from bench.world import World

GROUPS = 16
SWEEPS = 20
CONNECTIONS = 4
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Exchange:
    """Commands sent together, and how many answers they get."""

    commands: bytes
    answers: int


Batch = list[Exchange]
"""What is said to Redis because of one batch of samples."""


def measure(now: int) -> dict[str, float]:
    """Return what one core of Redis carries, medians of rounds.

    Args:
        now: The latest time a sample may have, unix milliseconds.
    """
    core, other = two_cores()
    rates, shares = [], []
    with on_cores({other}), World({other}) as world:
        sweeps = Sweeps(groups(GROUPS), now - 2_000 * STEP_MS)
        warm_up(world.function("detect", {core}).url, world.redis.url, sweeps)
        with redis.Redis.from_url(world.redis.url) as client, on_cores({core}):
            names = [record_key(head) for heads in sweeps.groups for head in heads]
            before: list[Any] = client.mget(names)
            lanes = _recorded(world, sweeps)
            for _ in range(ROUNDS):
                with client.pipeline(transaction=False) as pipe:
                    for name, record in zip(names, before, strict=True):
                        pipe.set(name, record, px=SERIES_LIFETIME)
                    pipe.execute()
                used = redis_processor(client)
                seconds = _replay(world.redis.url, lanes)
                shares.append((redis_processor(client) - used) / seconds)
                rates.append(SWEEPS * GROUPS / seconds)
    rate, share = statistics.median(rates), statistics.median(shares)
    return {
        "redis_replayed_batches_per_second": rate,
        "redis_replayed_processor_share": share,
        "redis_processor_milliseconds_per_batch": 1000 * share / rate,
        "redis_samples_per_second_one_core": rate / share * len(sweeps.groups[0]),
    }


def _recorded(world: World, sweeps: Sweeps) -> list[list[Batch]]:
    """Return what the handler says to Redis, by group, in order of time."""
    handler = in_process(world)
    handler.store.processed()  # connects
    messages = [sweeps.messages() for _ in range(SWEEPS)]
    lanes: list[list[Batch]] = [[] for _ in sweeps.groups]
    accepted = 0
    for sweep in messages:
        for lane, message in zip(lanes, sweep, strict=True):
            with _tapped() as batch:
                accepted += handler(message.event)["accepted"]
            lane.append(batch)
    if accepted != SWEEPS * sweeps.size:
        raise ValueError(f"{accepted} samples accepted")
    return lanes


@contextmanager
def _tapped() -> Iterator[Batch]:
    """Yield a list that gets whatever is sent to Redis meanwhile."""
    send: Any = Connection.send_packed_command
    batch: Batch = []

    def noting(self: Connection, command: Any, *given: Any, **named: Any) -> Any:
        sent = command if isinstance(command, bytes) else b"".join(command)
        batch.append(Exchange(sent, _count(sent)))
        return send(self, command, *given, **named)

    with patch.object(Connection, "send_packed_command", noting):
        yield batch


def _count(commands: bytes) -> int:
    """Return how many commands there are: each is an array in the same protocol."""
    reader = hiredis.Reader()
    reader.feed(commands)
    count = 0
    while reader.gets() is not False:
        count += 1
    return count


def _replay(url: str, lanes: Sequence[Sequence[Batch]]) -> float:
    """Return the seconds that everything takes once more, over a few connections.

    Raises:
        ValueError: Redis refused something.
    """
    gate = threading.Barrier(CONNECTIONS + 1)
    senders = [_Sender(url, lanes[place::CONNECTIONS], gate) for place in range(CONNECTIONS)]
    for sender in senders:
        sender.start()
    gate.wait()
    began = time.perf_counter()
    for sender in senders:
        sender.join()
    seconds = time.perf_counter() - began
    refused = [answer for sender in senders for answer in sender.refused]
    if refused:
        raise ValueError(f"refused: {refused[0]!r}")
    return seconds


class _Sender(threading.Thread):
    """Sends the batches of some groups, these taking turns, over a connection of its own.

    Attributes:
        refused: Answers that a recorded command did not get.
    """

    def __init__(self, url: str, lanes: Sequence[Sequence[Batch]], gate: threading.Barrier) -> None:
        super().__init__(daemon=True)
        self._lanes, self._gate = lanes, gate
        self._socket = connected(url)
        self._buffer = memoryview(bytearray(1 << 20))
        self._reader = hiredis.Reader()
        self.refused: list[object] = []

    def run(self) -> None:
        """Send all."""
        with self._socket:
            self._gate.wait()
            for turn in zip(*self._lanes, strict=True):
                for batch in turn:
                    self._send(batch)

    def _send(self, batch: Batch) -> None:
        for exchange in batch:
            self._socket.sendall(exchange.commands)
            for _ in range(exchange.answers):
                answer = self._answer()
                refused = isinstance(answer, list) and any(isinstance(one, int) for one in answer)
                if refused or isinstance(answer, Exception):
                    self.refused.append(answer)

    def _answer(self) -> object:
        while (answer := self._reader.gets()) is False:
            size = self._socket.recv_into(self._buffer)
            if not size:
                return ConnectionResetError("hung up")
            self._reader.feed(bytes(self._buffer[:size]))
        return answer
