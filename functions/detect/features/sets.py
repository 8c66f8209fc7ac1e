"""Features for what is widely used, by source: `detect.feature_sets` switches them on by name.

Source of the names: https://istio.io/latest/docs/reference/config/metrics/,
https://knative.dev/docs/serving/observability/metrics/serving-metrics/, cAdvisor's
docs/storage/prometheus.md, kube-state-metrics' docs/metrics, and what node_exporter, the client
libraries of Prometheus (`process_`), redis_exporter and kafka_exporter expose.
"""

from collections.abc import Mapping

from aiops.selector import Selector
from functions.detect.features.declared import Feature


def _share(name: str, about: str, metric: str, label: str, pattern: str) -> Feature:
    """Return a ratio of some of a metric's counters to all of them."""
    return Feature(
        name=name, kind="ratio", about=about,
        of=Selector(metric=metric, labels={label: pattern}), over=Selector(metric=metric),
    )  # fmt: skip


def _used(name: str, about: str, of: str, over: str, by: tuple[str, ...] | None = None) -> Feature:
    return Feature(
        name=name, kind="saturation", about=about, by=by,
        of=Selector(metric=of), over=Selector(metric=over),
    )  # fmt: skip


_CONTAINER = ("namespace", "pod", "container", "service", "service_name", "app")

SETS: Mapping[str, tuple[Feature, ...]] = {
    "http": (
        *(
            _share(
                "http_error_ratio", "share of requests answered with a server error",
                "http_requests_total|http_server_requests_total", label, "5..",
            )
            for label in ("code", "status", "status_code")
        ),
    ),
    "istio": (
        _share(
            "istio_error_ratio", "share of requests answered with a server error",
            "istio_requests_total", "response_code", "5..|0",
        ),
    ),
    "knative": (
        _share(
            "revision_error_ratio", "share of requests to a revision answered with a server error",
            "revision_request_count", "response_code_class", "5xx",
        ),
    ),
    "kubernetes": (
        _used(
            "container_memory_saturation", "memory in use, of what the container may have",
            "container_memory_working_set_bytes", "container_spec_memory_limit_bytes", _CONTAINER,
        ),
        Feature(
            name="container_throttled_ratio", kind="ratio",
            about="share of scheduling periods in which the container had to wait",
            of=Selector(metric="container_cpu_cfs_throttled_periods_total"),
            over=Selector(metric="container_cpu_cfs_periods_total"), by=_CONTAINER,
        ),
        Feature(
            name="container_restarts_delta", kind="delta",
            about="restarts of a container since the sample before",
            of=Selector(metric="kube_pod_container_status_restarts_total"),
        ),
    ),
    "node": (
        Feature(
            name="filesystem_available_ratio", kind="ratio",
            about="free space of a filesystem, of all it has",
            of=Selector(metric="node_filesystem_avail_bytes"),
            over=Selector(metric="node_filesystem_size_bytes"),
        ),
        Feature(
            name="memory_available_ratio", kind="ratio",
            about="memory a node can still give, of all it has",
            of=Selector(metric="node_memory_MemAvailable_bytes"),
            over=Selector(metric="node_memory_MemTotal_bytes"),
        ),
        _used(
            "file_descriptor_saturation", "open files, of those allowed",
            "node_filefd_allocated", "node_filefd_maximum",
        ),
    ),
    "process": (
        _used(
            "process_file_descriptor_saturation", "open files, of those allowed",
            "process_open_fds", "process_max_fds",
        ),
    ),
    "redis": (
        Feature(
            name="redis_hit_ratio", kind="ratio", about="share of look-ups that found something",
            of=Selector(metric="redis_keyspace_hits_total"),
            over=Selector(metric="redis_keyspace_(hits|misses)_total"),
        ),
        _used(
            "redis_memory_saturation", "memory in use, of `maxmemory`",
            "redis_memory_used_bytes", "redis_memory_max_bytes",
        ),
        _used(
            "redis_client_saturation", "connected clients, of those allowed",
            "redis_connected_clients", "redis_config_maxclients",
        ),
    ),
    "spans": (
        Feature(
            name="span_error_ratio", kind="ratio", about="share of its requests that failed",
            of=Selector(metric="span_errors"), over=Selector(metric="span_requests"),
        ),
        Feature(
            name="call_error_ratio", kind="ratio", about="share of calls that failed",
            of=Selector(metric="call_errors"), over=Selector(metric="call_requests"),
        ),
    ),
    "logs": (
        Feature(
            name="log_error_ratio", kind="ratio", about="share of lines that tell of errors",
            of=Selector(metric="log_errors"), over=Selector(metric="log_lines"), by=("service",),
        ),
    ),
    "kafka": (
        Feature(
            name="consumer_lag_delta", kind="delta",
            about="records a consumer group fell behind by since the sample before",
            of=Selector(metric="kafka_consumergroup_lag"),
        ),
    ),
}  # fmt: skip
