"""The connection to Redis: made on first use, checked once, its errors turned into ours."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, cast

import redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import (
    AskError,
    BusyLoadingError,
    ClusterError,
    ConnectionError,  # noqa: A004 - the library's name for it
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TimeoutError,  # noqa: A004 - the library's name for it
    TryAgainError,
)
from redis.retry import Retry

from aiops.errors import Misconfigured, Unavailable

_TIMEOUT_SECONDS = 5.0
_AWAY = (
    ConnectionError,
    TimeoutError,
    BusyLoadingError,
    ReadOnlyError,
    OutOfMemoryError,
    AskError,  # and MovedError: a slot that is with another node by now
    ClusterError,
    TryAgainError,
)
CLUSTER = "+cluster"
"""Behind the scheme of a URL whose server is a node of a Redis Cluster, any of them."""

_TEMPORARY = re.compile(
    r"(?:^|: -?)(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MISCONF|NOREPLICAS|OOM)\b"
)
"""At the beginning, or behind what a pipeline or a script puts before it."""


@cache
def connect(url: str) -> "redis.Redis":
    """Return the client for a URL, one for the whole process; it connects on first use.

    `redis+cluster://` or `rediss+cluster://` is any node of a Redis Cluster.

    A broken connection is tried once more; a time-out is not, because nobody has gained by waiting
    twice as long. Every connection looks at the memory policy first, and raises `Misconfigured`
    where Redis would evict state when its memory is full.
    """
    scheme, _, rest = url.partition("://")
    if scheme.endswith(CLUSTER):
        return _cluster(f"{scheme.removesuffix(CLUSTER)}://{rest}")
    return redis.Redis.from_url(
        url, retry=_retry(), redis_connect_func=_on_connect, health_check_interval=30, **_options()
    )


def _cluster(url: str) -> "redis.Redis":
    """Return the client for the cluster of a node; unlike the other, it connects at once.

    It does all that is asked of the other, as every key of one call lies in one slot. Commands of
    a pipeline may be for several slots; those that the library has no method for there, because
    they could also name keys of several slots, are given to `execute_command`.
    """
    with translated():
        cluster = redis.RedisCluster.from_url(
            url, retry=_retry(), redis_connect_func=_refuse_eviction, **_options()
        )
    return cast("redis.Redis", cluster)


def _options() -> dict[str, Any]:
    return {
        "socket_timeout": _TIMEOUT_SECONDS,
        "socket_connect_timeout": _TIMEOUT_SECONDS,
        "client_name": "aiops",
    }


def _retry() -> Retry:
    return Retry(ExponentialBackoff(cap=0.2, base=0.02), 1, supported_errors=(ConnectionError,))


def _on_connect(connection: Any) -> None:
    connection.on_connect()
    _refuse_eviction(connection)


def _refuse_eviction(connection: Any) -> None:
    connection.send_command("INFO", "memory")
    memory = dict(
        line.split(":", 1)
        for line in connection.read_response().decode().splitlines()
        if ":" in line
    )
    policy = memory.get("maxmemory_policy", "noeviction")
    if int(memory.get("maxmemory", "0")) and policy != "noeviction":
        connection.disconnect()  # an open connection would be used unchecked the next time
        raise Misconfigured(
            f"Redis: maxmemory-policy is {policy}, state would be lost; set it to noeviction"
        )


@contextmanager
def translated() -> Iterator[None]:
    """Turn what Redis raises when it is away into `Unavailable`; a bug stays a bug."""
    try:
        yield
    except _AWAY as error:
        raise Unavailable(f"Redis: {type(error).__name__}") from error
    except ResponseError as error:
        temporary = _TEMPORARY.search(str(error))
        if temporary:
            raise Unavailable(f"Redis: {temporary[1]}") from error
        raise
    except (RedisError, RedisClusterException) as error:
        if isinstance(error.__cause__, Misconfigured):  # what made a cluster unreachable
            raise error.__cause__ from None
        raise Unavailable(f"Redis: {type(error).__name__}") from error


@cache
def script(name: str) -> str:
    """Return the text of a script beside this module."""
    return (Path(__file__).parent / "scripts" / f"{name}.lua").read_text(encoding="utf-8")
