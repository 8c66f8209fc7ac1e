"""Sends a workload at its pace from a thread, and knows what the broker has acknowledged."""

import threading
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from aiops.adapters.cloudevent import encode
from aiops.errors import Unavailable
from aiops.ports import Message
from local.chaos.clock import InputClock
from local.chaos.workload import SPEED, Slice

_GIVE_UP_SECONDS = 120.0
_FLUSH_SECONDS = 60.0


class Feed:
    """A producer that outlasts a broker's absence and keeps the order.

    Args:
        bootstrap: The broker's own address.
        clock: Told how far the input has come.
        haste: How much faster than its pace the input is sent.
    """

    def __init__(self, bootstrap: str, clock: InputClock, haste: float = 1.0) -> None:
        self._clock = clock
        self._haste = haste
        self._producer = KafkaProducer(
            bootstrap_servers=bootstrap.split(","),
            client_id="chaos",
            acks="all",
            enable_idempotence=True,
            linger_ms=5,
            request_timeout_ms=5_000,
            reconnect_backoff_max_ms=1_000,
            delivery_timeout_ms=int(_GIVE_UP_SECONDS * 1000),
            max_block_ms=int(_GIVE_UP_SECONDS * 1000),
        )
        self._open: deque[tuple[int, list[Any]]] = deque()
        self._problem: BaseException | None = None
        self._thread: threading.Thread | None = None
        self.events = self.samples = 0
        self.seconds = 0.0

    def start(self, slices: Iterable[Slice]) -> None:
        """Begin to send, each slice when its time has come."""
        self._thread = threading.Thread(target=self._run, args=(slices,), daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether there is more to send.

        Raises:
            Unavailable: the broker did not take it.
        """
        if self._problem is not None:
            raise Unavailable(f"input: {self._problem!r}")
        return self._thread is not None and self._thread.is_alive()

    def send(self, messages: Iterable[Message]) -> None:
        """Send and wait until all is acknowledged.

        Raises:
            Unavailable: the broker did not take it.
        """
        try:
            for future in [self._sent(message) for message in messages]:
                future.get(timeout=_GIVE_UP_SECONDS)
        except KafkaError as error:
            raise Unavailable(f"input: {error!r}") from error

    def close(self) -> None:
        """Give the connection up."""
        self._producer.close(timeout=2)

    def _run(self, slices: Iterable[Slice]) -> None:
        began, first = time.monotonic(), None
        try:
            for one in slices:
                first = one.time if first is None else first
                due = began + (one.time - first) / 1000 / SPEED / self._haste
                time.sleep(max(0.0, due - time.monotonic()))
                self._open.append((one.time, [self._sent(message) for message in one.messages]))
                self.events += len(one.messages)
                self.samples += one.samples
                self._acknowledged()
            self._producer.flush(timeout=_FLUSH_SECONDS)
            self._acknowledged()
            if self._open:
                raise Unavailable("not acknowledged in time")  # noqa: TRY301 - noted with the rest
        except (KafkaError, Unavailable) as error:
            self._problem = error
        self.seconds += time.monotonic() - began

    def _sent(self, message: Message) -> Any:
        key, value, headers = encode(message)
        return self._producer.send(message.topic, value, key, headers, partition=message.partition)

    def _acknowledged(self) -> None:
        """Tell the clock of slices that are on the broker, the first that is not comes first."""
        while self._open and all(future.is_done for future in self._open[0][1]):
            reached, futures = self._open.popleft()
            for future in futures:
                if future.failed():
                    raise Unavailable(f"{future.exception!r}")
            with suppress(ValueError):
                self._clock.follow(reached)
