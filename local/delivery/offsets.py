"""Which offset of a partition may be committed while its records finish in any order."""

import threading


class OffsetTracker:
    """Offsets of one partition: received in order, finished in any; safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[int] = set()
        self._next: int | None = None
        self._committed: int | None = None

    def received(self, offset: int) -> None:
        """Note a record that is to be delivered."""
        with self._lock:
            self._open.add(offset)
            self._next = max(offset + 1, self._next or 0)

    def finished(self, offset: int) -> None:
        """Note that a record is delivered, dead-lettered or discarded."""
        with self._lock:
            self._open.discard(offset)

    def committable(self) -> int | None:
        """Return the offset before which everything is finished, None where nothing is new.

        Offsets that Kafka never handed out, as in a compacted topic, count as finished.
        """
        with self._lock:
            position = min(self._open, default=self._next)
            return None if position in {None, self._committed} else position

    def committed(self, offset: int) -> None:
        """Note that the broker has taken a commit."""
        with self._lock:
            self._committed = offset
