"""What a series is called, where it lives, what it speaks of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot

from aiops.events import SeriesHead
from aiops.series import MAX_LABEL_LENGTH, MAX_LABELS, SHARDS, SeriesMap, role_of, shard_of

NAMES = SeriesMap()
LABELS = st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), max_size=6)


@given(st.text(min_size=1, max_size=20), LABELS)
def test_a_series_is_the_same_in_whatever_order_its_labels_come(
    metric: str, labels: dict[str, str]
) -> None:
    backwards = dict(reversed(labels.items()))
    assert NAMES.read(SeriesHead(metric=metric, labels=labels)) == NAMES.read(
        SeriesHead(metric=metric, labels=backwards)
    )


@given(LABELS)
def test_copies_of_a_series_from_two_prometheus_servers_are_one_series(
    labels: dict[str, str],
) -> None:
    first = SeriesHead(metric="up", labels=labels | {"prometheus_replica": "a"})
    second = SeriesHead(metric="up", labels=labels | {"prometheus_replica": "b"})
    assert NAMES.read(first) == NAMES.read(second)


def test_an_empty_label_is_an_absent_one() -> None:
    with_empty = SeriesHead(metric="up", labels={"service": "cart", "pod": ""})
    assert NAMES.read(with_empty) == NAMES.read(SeriesHead(metric="up", labels={"service": "cart"}))


@given(st.text(alphabet="0123456789abcdef", min_size=32, max_size=32))
def test_a_shard_follows_the_hash_that_redis_itself_uses(key: str) -> None:
    assert shard_of(key) == key_slot(key.encode()) % 16384 % SHARDS


@pytest.mark.parametrize(
    ("labels", "service"),
    [
        ({"service": "cart", "app": "shop"}, "cart"),
        ({"app": "shop", "job": "node"}, "shop"),
        ({"job": "node"}, "node"),
        ({"client": "web", "server": "cart"}, "cart"),
        ({"service": "web", "client": "web", "server": "cart"}, "web"),
        ({}, "unknown"),
    ],
)
def test_the_first_label_present_names_the_service(labels: dict[str, str], service: str) -> None:
    assert NAMES.read(SeriesHead(metric="m", labels=labels)).service == service


def test_a_call_is_named_by_its_two_ends() -> None:
    series = NAMES.read(SeriesHead(metric="m", labels={"client": "web", "server": "cart"}))
    assert series.edge == ("web", "cart")


@pytest.mark.parametrize(
    ("metric", "role"),
    [
        ("container_cpu_usage_ratio", "saturation"),
        ("node_memory_usage_ratio", "saturation"),
        ("container_syscall_read_total_rate", "saturation"),
        ("database_connections_ratio", "saturation"),
        ("request_duration_p95_seconds", "latency"),
        ("http_request_duration_seconds_sum", "latency"),
        ("request_error_ratio", "errors"),
        ("request_success_ratio", "errors"),
        ("pods_ready", "errors"),
        ("requests_per_second", "traffic"),
        ("http_requests_total", "traffic"),
        ("edge_client_duration_p50_seconds", "edge_client"),
        ("traces_service_graph_request_server_seconds_sum", "edge_server"),
        ("temperature_celsius", "other"),
    ],
)
def test_a_metrics_name_tells_its_role(metric: str, role: str) -> None:
    assert role_of(NAMES.roles, metric) == role


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (SeriesHead(metric="m", labels={f"l{n}": "x" for n in range(65)}), "too_many_labels"),
        (SeriesHead(metric="m", labels={"l": "x" * MAX_LABEL_LENGTH}), "label_too_long"),
        (SeriesHead(metric="m" * (MAX_LABEL_LENGTH + 1)), "metric_too_long"),
    ],
)
def test_a_series_too_large_to_keep_is_refused_with_the_reason(
    head: SeriesHead, reason: str
) -> None:
    assert MAX_LABELS == 64
    assert NAMES.read(head) == reason
