"""A queue with its own threads: what is in flight together, and what waits its turn."""

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

log = logging.getLogger(__name__)
Item = TypeVar("Item")


class Lane(Generic[Item]):
    """Hands items to `work`, in order, at most `width` at the same time.

    A lane of width 1 is an ordered partition. Threads are started as they are needed and never
    keep the process alive.
    """

    def __init__(self, name: str, width: int, work: Callable[[Item], None]) -> None:
        self._name = name
        self._width = width
        self._work = work
        self._queue: SimpleQueue[Item | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._depth = 0
        self._closed = False

    @property
    def depth(self) -> int:
        """How many items are waiting or being worked on."""
        return self._depth

    def put(self, item: Item) -> None:
        """Add an item."""
        with self._lock:
            self._depth += 1
            wanted = min(self._depth, self._width)
            if len(self._threads) < wanted:
                thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._threads.append(thread)
                thread.start()
        self._queue.put(item)

    def close(self) -> None:
        """Start nothing more; what is waiting is dropped."""
        self._closed = True
        for _ in self._threads:
            self._queue.put(None)

    def join(self, seconds: float) -> bool:
        """Wait for what is being worked on; return whether it ended in time."""
        for thread in self._threads:
            thread.join(seconds)
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self) -> None:
        while True:
            item = self._queue.get()
            if item is None or self._closed:
                return
            try:
                self._work(item)
            except Exception:
                log.exception("%s: bug in delivery", self._name)
            finally:
                with self._lock:
                    self._depth -= 1
