"""One instance of a function, compressed: answers events and counts them, until it is ended.

Run as `python -m tests.counting_worker URL GENERATION INSTANCE FIRST LAST LIFE JOURNAL`. It answers
events FIRST to LAST - 1, with a new process-wide counting every LIFE answers, as if instances came
and went. Each answer, once given, is a byte in the file JOURNAL, which is the queue's memory of it.
"""

import os
import sys
from collections.abc import Sequence

from aiops.adapters.counting import Counting
from aiops.adapters.keys import Keys
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_counters import RedisCounters
from aiops.adapters.serve import note_answer


def status_of(event: int) -> int:
    return 400 if event % 50 == 0 else 204


def main(arguments: Sequence[str]) -> None:
    url, generation, function, first, last, life, journal = arguments
    store = RedisCounters(connect(url), Keys(generation))
    file = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    counts = Counting(lambda: store)
    for place, event in enumerate(range(int(first), int(last))):
        if place % int(life) == 0:
            counts = Counting(lambda: store)
        note_answer(counts, function, status_of(event), {"accepted": 3}, float(event % 7))
        if not counts.tell():
            raise SystemExit("not told")
        os.write(file, b".")


if __name__ == "__main__":
    main(sys.argv[1:])
