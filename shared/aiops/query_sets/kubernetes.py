"""Golden signals of workloads on Kubernetes, and of its API.

Of cAdvisor, kube-state-metrics and the API server.
Source: https://github.com/google/cadvisor/blob/master/docs/storage/prometheus.md,
https://github.com/kubernetes/kube-state-metrics/tree/main/docs/metrics and
https://kubernetes.io/docs/reference/instrumentation/metrics/
"""

from aiops.promql import by_workload
from aiops.queries import Query

QUERIES = (
    Query(
        metric="workload_traffic_bytes_per_second",
        promql=by_workload("rate(container_network_receive_bytes_total[5m])"),
    ),
    Query(
        metric="workload_container_restarts",
        promql=by_workload("increase(kube_pod_container_status_restarts_total[5m])"),
    ),
    Query(
        metric="workload_unavailable_replicas",
        promql="sum by (namespace, service) (label_replace("
        'kube_deployment_status_replicas_unavailable, "service", "$1", "deployment", "(.*)"))',
    ),
    Query(
        metric="kubernetes_api_duration_p95_seconds",
        promql="histogram_quantile(0.95, sum by (job, le)"
        ' (rate(apiserver_request_duration_seconds_bucket{verb!~"WATCH|CONNECT"}[5m])))',
    ),
    Query(
        metric="workload_cpu_throttled_ratio",
        promql=by_workload('rate(container_cpu_cfs_throttled_periods_total{container!=""}[5m])')
        + " / "
        + by_workload('rate(container_cpu_cfs_periods_total{container!=""}[5m])'),
    ),
    Query(
        metric="workload_memory_used_ratio",
        promql=by_workload('container_memory_working_set_bytes{container!=""}')
        + " / "
        + by_workload('kube_pod_container_resource_limits{resource="memory"}'),
    ),
)
