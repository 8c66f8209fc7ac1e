"""Redis: whether it keeps what it is given, how full it is, and what time it has."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import redis
from redis.exceptions import RedisError, ResponseError

from aiops.adapters.redis_backlog import RedisBacklog
from aiops.adapters.redis_client import connect
from aiops.backlog import Backlog
from aiops.errors import AiopsError, Misconfigured
from local.doctor.finding import Finding, good, skipped

LEAST_VERSION = (7, 0)
"""The users of knative/secrets name keys they may only read, which needs 7.0."""

FULL, NEARLY = 0.9, 0.7
SKEW_MS = 2_000
"""Samples carry times of their senders, timers those of our instances."""


def checks(url: str, generation: str, domain: str) -> Iterator[Finding]:
    """Yield what Redis is like; nothing more once it does not answer."""
    try:
        client = connect(url)
        before = time.time_ns()
        answer = _of_one(client.time())
        middle = (before + time.time_ns()) // 2_000_000
        info = _info(client)
    except Misconfigured as error:
        yield Finding("redis", "bad", str(error), "docs/delivery.md says why that is refused")
        return
    except (AiopsError, RedisError, OSError) as error:
        advice = "look at its pod, its address in the Secret aiops-redis, and the network policies"
        yield Finding("redis", "bad", f"does not answer: {error}", advice)
        return
    yield version(info)
    yield clock(answer[0] * 1000 + answer[1] // 1000 - middle)
    yield memory(info)
    for name, wanted, consequence in (
        ("maxmemory-policy", "noeviction", "state is thrown away when memory is full"),
        ("appendonly", "yes", "a crash takes everything since the last snapshot"),
    ):
        yield _configured(client, name, wanted, consequence)
    yield good("redis-replicas", f"{info.get('connected_slaves', 0)} connected")
    yield from backlog(
        lambda: RedisBacklog(client, generation, domain).read(time.time_ns() // 1_000_000)
    )


def version(info: Mapping[str, Any]) -> Finding:
    """Return whether Redis knows what is asked of it."""
    told = str(info.get("redis_version", "0"))
    found = tuple(int(part) for part in told.split(".")[:2])
    if found >= LEAST_VERSION:
        return good("redis-version", told)
    return Finding("redis-version", "bad", told, "7.0 or later is needed")


def clock(ahead_ms: int) -> Finding:
    """Return whether Redis and this machine have the same time."""
    told = f"Redis is {abs(ahead_ms)} ms {'ahead of' if ahead_ms > 0 else 'behind'} this machine"
    if abs(ahead_ms) <= SKEW_MS:
        return good("clock", told)
    return Finding("clock", "warning", told, "one of the two clocks is wrong: look at its NTP")


def memory(info: Mapping[str, Any]) -> Finding:
    """Return how full Redis is."""
    used, limit = int(info["used_memory"]), int(info.get("maxmemory", 0))
    if not limit:
        told = f"{used >> 20} MiB used, no limit"
        advice = "set maxmemory below the pod's limit: a pod that is killed is worse than one full"
        return Finding("redis-memory", "warning", told, advice)
    told = f"{used >> 20} of {limit >> 20} MiB used"
    share = used / limit
    if share < NEARLY:
        return good("redis-memory", told)
    advice = "give it more memory, or keep less history (detect.rules: max_series, history_step)"
    return Finding("redis-memory", "bad" if share > FULL else "warning", told, advice)


def backlog(read: Callable[[], Backlog]) -> Iterator[Finding]:
    """Yield whether anything waits that should have left at once."""
    try:
        found = read()
    except (AiopsError, RedisError) as error:
        yield skipped("backlog", f"this user may not look: {error}")
        return
    waiting = {
        "anomalies to be published": found.unpublished_anomalies,
        "incidents to be published": found.unpublished_incidents,
        "incidents with a step that is due": found.due_steps,
    }
    told = ", ".join(f"{count} {what}" for what, count in waiting.items() if count)
    if told:
        advice = "look again in two minutes; what stays waits for the clock, Kafka or a receiver"
        yield Finding("backlog", "warning", told, advice)
    else:
        yield good("backlog", f"nothing waits, {found.open_incidents} incidents are open")


def _configured(client: "redis.Redis", name: str, wanted: str, consequence: str) -> Finding:
    try:
        found: Any = client.config_get(name)
    except (ResponseError, AiopsError):
        return skipped(f"redis-{name}", "this server does not say")
    value = str(found.get(name, ""))
    if value == wanted:
        return good(f"redis-{name}", value)
    advice = f"set it to {wanted}: else {consequence}"
    return Finding(f"redis-{name}", "bad", value or "not told", advice)


def _info(client: "redis.Redis") -> dict[str, Any]:
    """Return what Redis says of itself; of a cluster, the fullest master."""
    found: dict[str, Any] = {}
    for section in ("server", "memory", "replication"):
        answer: Any = client.info(section)
        several = all(isinstance(one, dict) for one in answer.values())
        each: list[dict[str, Any]] = list(answer.values()) if several else [answer]
        fullest: dict[str, Any] = max(each, key=lambda one: int(one.get("used_memory", 0)))
        found |= fullest
    return found


def _of_one(answer: Any) -> Any:
    """Return what one node said, where a cluster says it of each."""
    return next(iter(answer.values())) if isinstance(answer, dict) else answer
