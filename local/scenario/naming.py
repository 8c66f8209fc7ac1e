"""What systems call what they measure: none of them as the shop does."""

from dataclasses import dataclass

from aiops.events import SeriesHead


@dataclass(frozen=True, slots=True)
class Naming:
    """Metric names of one system, by what they measure.

    Attributes:
        service: The label that names the service.
        percent: Whether ratios are stated in percent, and durations in milliseconds.
    """

    service: str
    cpu: str
    memory: str
    rate: str
    errors: str
    latency: str
    client: str
    server: str
    percent: bool = False

    def of(self, measure: str, name: str) -> SeriesHead:
        """Return the head of what a service measures of itself."""
        return SeriesHead(metric=getattr(self, measure), labels={self.service: name})

    def of_call(self, measure: str, client: str, server: str) -> SeriesHead:
        """Return the head of what one end of a call measures."""
        return SeriesHead(
            metric=getattr(self, measure), labels={"client": client, "server": server}
        )


NAMINGS = (
    Naming(
        service="destination_workload",
        cpu="container_cpu_cfs_utilization",
        memory="container_memory_working_set_ratio",
        rate="istio_requests_rate",
        errors="istio_responses_5xx_ratio",
        latency="istio_request_duration_milliseconds_p99",
        client="traces_service_graph_request_client_seconds_p50",
        server="traces_service_graph_request_server_seconds_p50",
        percent=True,
    ),
    Naming(
        service="service_name",
        cpu="process_cpu_utilization",
        memory="jvm_heap_used_ratio",
        rate="http_server_throughput",
        errors="http_server_failure_ratio",
        latency="http_server_response_time_p90",
        client="traces_service_graph_request_client_p95",
        server="traces_service_graph_request_server_p95",
    ),
    Naming(
        service="app",
        cpu="app_cpu_percent",
        memory="app_mem_used_percent",
        rate="app_qps",
        errors="app_failed_percent",
        latency="app_latency_ms_mean",
        client="edge_client_ms_mean",
        server="edge_server_ms_mean",
        percent=True,
    ),
)
