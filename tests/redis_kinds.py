"""The kinds of Redis a store is held to, as parameters of a fixture."""

import pytest
import redis

from aiops.adapters.redis_client import connect

FIXTURES = {
    "redis": "redis_url",
    "debian redis": "debian_redis_url",
    "redis cluster": "redis_cluster_url",
}
KINDS = [
    "redis",
    pytest.param("debian redis", marks=pytest.mark.redis),
    pytest.param("redis cluster", marks=pytest.mark.redis),
]
STORES = ["memory", *KINDS]


def client_of(request: pytest.FixtureRequest) -> "redis.Redis":
    """Return the client that functions would use on the kind a fixture was asked for."""
    return connect(request.getfixturevalue(FIXTURES[request.param]))
