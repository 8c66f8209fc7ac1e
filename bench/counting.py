"""What counting costs an answer: `python -m bench.counting`, on Debian's Redis on this machine."""

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from aiops.adapters.counting import Counting
from aiops.adapters.keys import Keys
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_counters import RedisCounters
from aiops.adapters.serve import note_answer
from local.servers.redis import debian_redis

ROUNDS = 5
ANSWERS = 2_000
COUNTS = {"accepted": 900, "late": 3, "anomalies": 2, "duplicate": 1}


def one_answer_ms(counting: Counting, *, told: bool) -> float:
    """Return what noting an answer takes in milliseconds, and telling it where that is asked."""
    began = time.perf_counter()
    for _ in range(ANSWERS):
        note_answer(counting, "detect", 204, COUNTS, 12.0)
        if told and not counting.tell():
            raise SystemExit("Redis did not take it")
    return (time.perf_counter() - began) * 1000 / ANSWERS


def main() -> None:
    """Measure and print."""
    server = debian_redis()
    with tempfile.TemporaryDirectory() as folder:
        server.start(Path(folder))
        try:
            server.wait_ready()
            client = connect(server.url)
            store = RedisCounters(client, Keys("bench:"))
            counting = Counting(lambda: store)
            one_answer_ms(counting, told=True)
            noted = [one_answer_ms(Counting(lambda: store), told=False) for _ in range(ROUNDS)]
            told = [one_answer_ms(counting, told=True) for _ in range(ROUNDS)]
            began = time.perf_counter()
            for _ in range(ANSWERS):
                client.ping()
            ping = (time.perf_counter() - began) * 1000 / ANSWERS
        finally:
            server.stop()
    sys.stdout.write(
        f"noted {median(noted):.3f} ms, noted and told {median(told):.3f} ms "
        f"({min(told):.3f} to {max(told):.3f}), a PING {ping:.3f} ms\n"
    )


if __name__ == "__main__":
    main()
