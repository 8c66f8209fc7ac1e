"""What is asked of Prometheus: by the minute, and once more for what was before."""

from importlib import import_module

from pydantic import BaseModel, ConfigDict, Field, field_validator

from aiops.plugins import available

SETS = "aiops.query_sets"


class Query(BaseModel):
    """One PromQL query; every series of its result becomes a series of ours.

    Attributes:
        metric: The name its result gets.
        promql: An instant query that returns a vector.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    metric: str = Field(min_length=1)
    promql: str = Field(min_length=1)


STARTER_QUERIES = (
    Query(
        metric="requests_per_second",
        promql="sum by (service) (rate(http_requests_total[5m]))",
    ),
    Query(
        metric="request_error_ratio",
        promql='sum by (service) (rate(http_requests_total{status=~"5.."}[5m]))'
        " / sum by (service) (rate(http_requests_total[5m]))",
    ),
    Query(
        metric="request_duration_p95_seconds",
        promql="histogram_quantile(0.95,"
        " sum by (service, le) (rate(http_request_duration_seconds_bucket[5m])))",
    ),
    Query(
        metric="container_cpu_usage_cores",
        promql='sum by (pod) (rate(container_cpu_usage_seconds_total{container!=""}[5m]))',
    ),
    Query(
        metric="container_memory_working_set_bytes",
        promql='sum by (pod) (container_memory_working_set_bytes{container!=""})',
    ),
)
"""Traffic, errors, latency, CPU and memory, as the usual exporters name them."""


class ServiceGraph(BaseModel):
    """One PromQL query whose result lists calls, with their requests per second as values.

    Attributes:
        name: By which what it saw is remembered.
        promql: An instant query that returns a vector.
        client: The label with the service that calls.
        server: The label with the service that is called.
        connection: The label that says what lies between the two, where there is one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(min_length=1, max_length=64)
    promql: str = Field(min_length=1)
    client: str = "client"
    server: str = "server"
    connection: str = "connection_type"


STARTER_SERVICE_GRAPHS = (
    ServiceGraph(
        name="traces",
        promql="sum by (client, server, connection_type)"
        " (rate(traces_service_graph_request_total[5m])) > 0",
    ),
    ServiceGraph(
        name="istio",
        promql="sum by (source_workload, destination_workload) (rate(istio_requests_total{"
        'reporter=~"source|waypoint",source_workload!="unknown",destination_workload!="unknown"}'
        "[5m])) > 0",
        client="source_workload",
        server="destination_workload",
    ),
)
"""Service graphs of Tempo or the OpenTelemetry Collector, and the requests of an Istio mesh.

A request between two proxies is counted by both; the client's count is taken.

Source: https://grafana.com/docs/tempo/latest/metrics-from-traces/service_graphs/ and
https://istio.io/latest/docs/reference/config/metrics/
"""


class LogQuery(BaseModel):
    """One LogQL query that counts; every series of its result becomes a series of ours.

    Attributes:
        metric: The name its result gets.
        logql: A metric query over the last minute, which returns a vector.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    metric: str = Field(min_length=1)
    logql: str = Field(min_length=1)


STARTER_LOG_QUERIES = (
    LogQuery(
        metric="log_lines",
        logql="sum by (service_name, level, detected_level)"
        ' (count_over_time({service_name=~".+"}[1m]))',
    ),
    LogQuery(
        metric="log_errors",
        logql='sum by (service_name) (count_over_time({service_name=~".+"}'
        ' |~ "(?i)(error|exception|fatal|panic|traceback)" [1m]))',
    ),
    LogQuery(
        metric="log_failed_calls",
        logql='sum by (service_name) (count_over_time({service_name=~".+"}'
        ' |~ "(?i)(timed? ?out|deadline exceeded|connection (refused|reset)|no route to host'
        '|unavailable|broken pipe)" [1m]))',
    ),
)
"""Lines by level, and lines with patterns that tell of something wrong.

Loki names the level `detected_level` where it found it itself.
Source: https://grafana.com/docs/loki/latest/query/metric_queries/
"""


class Asked(BaseModel):
    """What the section `collect` of the configuration says of queries.

    Attributes:
        queries: Asked of Prometheus with every tick, where one is configured.
        sets: Names of sets of queries asked besides: golden signals of `kubernetes`, `istio`,
            `knative`, `kafka`, `redis`, `node`.
        log_queries: Asked of Loki with every tick, where one is configured.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    queries: tuple[Query, ...] = STARTER_QUERIES
    sets: tuple[str, ...] = ()
    log_queries: tuple[LogQuery, ...] = STARTER_LOG_QUERIES

    @field_validator("sets")
    @classmethod
    def _sets_exist(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        known = available(SETS)
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ValueError(f"no set {unknown[0]!r}; there is {', '.join(known)}")
        if len(set(names)) != len(names):
            raise ValueError("a set is named twice")
        return names

    @property
    def asked(self) -> tuple[Query, ...]:
        """All that is asked of Prometheus: the queries, then those of the sets."""
        of_sets = (one for name in self.sets for one in import_module(f"{SETS}.{name}").QUERIES)
        return (*self.queries, *of_sets)
