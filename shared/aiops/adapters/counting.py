"""Counting in a function: each thread's numbers go to the totals before its answer is given."""

import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from uuid import uuid4

from aiops.adapters.keys import Keys
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_counters import RedisCounters
from aiops.counters import CounterStore, Family, field_of, observe
from aiops.errors import AiopsError


@dataclass(slots=True)
class _Writer:
    """What one thread has to tell.

    Attributes:
        name: A text nobody else has.
        number: Of the last batch that was sent.
        sent: That batch, as long as nobody confirmed it.
        fields: What has come since.
    """

    name: str
    number: int = 0
    sent: Counter[str] = field(default_factory=Counter)
    fields: Counter[str] = field(default_factory=Counter)


class Counting:
    """Counts for the threads of a process.

    Args:
        store: Returns the totals.
        new_name: Returns a text nobody else has.
    """

    def __init__(
        self, store: Callable[[], CounterStore], new_name: Callable[[], str] = lambda: uuid4().hex
    ) -> None:
        self._store = store
        self._new_name = new_name
        self._local = threading.local()

    def count(self, family: Family, *labels: str, n: int = 1) -> None:
        """Note a number, for the next telling."""
        self._writer().fields[field_of(family, labels)] += n

    def observe(self, family: Family, *labels: str, ms: float) -> None:
        """Note an observation of so many milliseconds, for the next telling."""
        observe(self._writer().fields, family, labels, ms)

    def tell(self) -> bool:
        """Add to the totals what this thread noted, and return whether that is done.

        It never fails: an answer does not depend on its being counted. What could not be told is
        told with the next answer of this thread; what may have been told is told again under its
        number, which changes nothing where it was.
        """
        writer = self._writer()
        try:
            while writer.sent or writer.fields:
                if not writer.sent:
                    writer.sent, writer.fields = writer.fields, Counter()
                    writer.number += 1
                self._store().add(writer.name, writer.number, writer.sent)
                writer.sent = Counter()
        except AiopsError:
            return False
        except Exception:  # noqa: BLE001 - a right that is missing, say: loud, but events go on
            traceback.print_exc(file=sys.stderr)
            return False
        return True

    def _writer(self) -> _Writer:
        if not hasattr(self._local, "writer"):
            self._local.writer = _Writer(self._new_name())
        found: _Writer = self._local.writer
        return found


@cache
def counting(redis_url: str, generation: str) -> Counting:
    """Return what counts in this process; it connects with the first telling."""
    return Counting(cache(lambda: RedisCounters(connect(redis_url), Keys(generation))))
