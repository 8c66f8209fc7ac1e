"""How soon a Slack button is answered: gateway, Redis and Kafka on one core, presses by the clock.

`python -m bench.gateway` prints it. Each press is due at its time whether or not those before it
were answered, and its answer is counted from then: nobody waits for a slow one to be spared.
"""

import hmac
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import numpy as np
import urllib3

from aiops.buttons import Order, action_id, value
from aiops.clock import SystemClock
from aiops.ids import derive
from bench.world import World

PER_SECOND = 50
SECONDS = 20
WARM = 100
CORE = {0}
SECRET = "0123456789abcdef" * 2
_LATE_THREADS = 32


def measure() -> Sequence[float]:
    """Return the seconds until each press was answered, once as many others were.

    Raises:
        RuntimeError: one was not answered with 200.
    """
    with World(CORE) as world:
        (world.folder / "aiops.yaml").write_text("gateway: {senders: [slack]}", encoding="utf-8")
        environ = {"AIOPS_CONFIG": str(world.folder), "SLACK_SIGNING_SECRETS": SECRET}
        process = world.function("gateway", CORE, environ)
        pool = urllib3.PoolManager(maxsize=_LATE_THREADS, timeout=10.0, retries=False)
        for number in range(WARM):
            _press(pool, process.url, number, time.monotonic())
        begin = time.monotonic() + 0.1
        with ThreadPoolExecutor(_LATE_THREADS) as people:
            answers = []
            for number in range(PER_SECOND * SECONDS):
                due = begin + number / PER_SECOND
                time.sleep(max(0.0, due - time.monotonic()))
                answers.append(people.submit(_press, pool, process.url, WARM + number, due))
            return [answer.result() for answer in answers]


def _press(pool: urllib3.PoolManager, url: str, number: int, due: float) -> float:
    """Press a button of an incident of its own; return the seconds from when it was due."""
    button = Order(incident=derive("incident", number), command="acknowledge")
    action = {"action_id": action_id(button), "value": value(button)}
    payload = {"type": "block_actions", "user": {"id": "U1"}, "actions": [action]}
    body = urlencode({"payload": json.dumps(payload)}).encode()
    stamp = str(SystemClock().now() // 1000)
    signed = f"v0:{stamp}:".encode() + body
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": "v0=" + hmac.new(SECRET.encode(), signed, "sha256").hexdigest(),
    }
    answer = pool.request("POST", f"{url}/slack", body=body, headers=headers)
    if answer.status != 200:
        raise RuntimeError(f"{answer.status}: {answer.data!r}")
    return time.monotonic() - due


if __name__ == "__main__":
    taken = np.asarray(measure()) * 1000
    p50, p99 = np.percentile(taken, [50, 99])
    spread = f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {taken.max():.1f} ms"
    print(f"{len(taken)} presses at {PER_SECOND}/s: {spread}")
