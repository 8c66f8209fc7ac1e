"""Requests nobody would send, to every sender: `python -m tests.fuzz_gateway --seconds 60`.

Each begins as a good one. Its body is damaged and signed again, or its headers are, or both; most
bodies are JSON still, with something else in a few places. No answer is ever of the 500s, and
nothing is passed on but with a 200.
"""

import argparse
import contextlib
import io
import json
import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlencode

import functions_framework
from flask.testing import FlaskClient

from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_deliveries import MemoryDeliveries
from functions.gateway import edge
from tests.requesting import ENVIRONMENT, MAKE, NOW, Sent

ROOT = Path(__file__).parents[1]
ODD: tuple[Any, ...] = (
    None, True, 0, -1, 1e308, 10**30, "", "\x00", "\ud800", "9999-12-31T23:59:59+23:59", "é" * 300,
    "0001-01-01T00:00:00Z", "<!channel>", [], {}, [[]], {"": ""}, "1e3", "a" * 5_000, "²", "\u202e",
)  # fmt: skip
CHARACTERS = "".join(map(chr, range(0x20, 0x100))).replace("\x7f", "")


class _At:
    def now(self) -> int:
        return NOW * 1000


@contextlib.contextmanager
def serving(folder: Path, publisher: MemoryPublisher) -> Any:
    """Serve the gateway's main.py over twins with every sender."""
    text = f"gateway: {{senders: [{', '.join(MAKE)}], rate: 1.0e+9, burst: 1000000}}"
    (folder / "aiops.yaml").write_text(text, encoding="utf-8")
    environ = {
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "AIOPS_CONFIG": str(folder),
        **ENVIRONMENT,
    }
    wiring = "functions.gateway.wiring"
    with (
        patch.dict(os.environ, environ),
        patch(f"{wiring}.RedisDeliveries", lambda *_: MemoryDeliveries()),
        patch(f"{wiring}.KafkaPublisher", lambda _: publisher),
        patch.object(edge, "_REAL", _At()),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        source = str(ROOT / "functions" / "gateway" / "main.py")
        yield functions_framework.create_app("gateway", source, "http").test_client()


def once(rng: random.Random, client: FlaskClient) -> tuple[str, int]:
    """Send one request; return whose, and the answer."""
    name = rng.choice(list(MAKE))
    sent = MAKE[name](_damaged(rng, MAKE[name]().body)) if rng.random() < 0.8 else MAKE[name]()
    if rng.random() < 0.4:
        sent = Sent(_damaged_headers(rng, sent), sent.body)
    answer = client.post(f"/{name}", data=sent.body, headers=dict(sent.headers))
    return name, answer.status_code


def _damaged(rng: random.Random, body: bytes) -> bytes:
    kind = rng.random()
    if kind < 0.15:
        return rng.randbytes(rng.choice((0, 1, 10, 1000)))
    if kind < 0.35:
        return _flipped(rng, body)
    prefix = b"payload=" if body.startswith(b"payload=") else b""
    try:
        content = json.loads(parse_qs(body.decode())["payload"][0]) if prefix else json.loads(body)
    except (ValueError, KeyError):
        return body
    for _ in range(rng.randint(1, 3)):
        content = _other(rng, content)
    text = json.dumps(content)
    return urlencode({"payload": text}).encode() if prefix else text.encode()


def _flipped(rng: random.Random, body: bytes) -> bytes:
    found = bytearray(body)
    for _ in range(rng.randint(1, 8)):
        place = rng.randrange(len(found) or 1)
        found[place : place + rng.randint(0, 3)] = rng.randbytes(rng.randint(0, 3))
    return bytes(found)


def _other(rng: random.Random, content: Any) -> Any:
    """Return JSON with something else in one place."""
    if isinstance(content, dict) and content and rng.random() < 0.85:
        key = rng.choice(list(content))
        if rng.random() < 0.15:
            return {name: each for name, each in content.items() if name != key}
        return {**content, key: _other(rng, content[key])}
    if isinstance(content, list) and content and rng.random() < 0.85:
        index = rng.randrange(len(content))
        return [*content[:index], _other(rng, content[index]), *content[index + 1 :]]
    return rng.choice(ODD)


def _damaged_headers(rng: random.Random, sent: Sent) -> dict[str, str]:
    headers = dict(sent.headers)
    key = rng.choice(list(headers))
    text = "".join(rng.choices(CHARACTERS, k=rng.choice((0, 1, 5, 64, 3_000))))
    change = rng.random()
    if change < 0.2:
        del headers[key]
    elif change < 0.6:
        headers[key] = text
    else:
        value = headers[key]
        place = rng.randrange(len(value) + 1)
        headers[key] = value[:place] + rng.choice(CHARACTERS) + value[place + rng.randint(0, 1) :]
    return headers


def fuzz(seed: int, seconds: float, most: int, folder: Path) -> Counter[str]:
    """Send requests for so long, or so many; return how often each answer came.

    Raises:
        AssertionError: an answer was of the 500s; it names the seed.
    """
    rng = random.Random(seed)
    publisher = MemoryPublisher()
    found: Counter[str] = Counter()
    until = time.monotonic() + seconds
    with serving(folder, publisher) as client:
        while found.total() < most and time.monotonic() < until:
            name, status = once(rng, client)
            assert status < 500, f"seed {seed}, request {found.total()}: {name} answered {status}"
            passed_on = any(publisher.topics.values())
            assert not passed_on or status == 200
            publisher.topics.clear()
            found[str(status)] += 1
    return found


if __name__ == "__main__":
    import tempfile

    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        counts = fuzz(options.seed, options.seconds, 1 << 60, Path(made))
    print(counts.total(), "requests:", dict(sorted(counts.items())))  # noqa: T201 - a command
