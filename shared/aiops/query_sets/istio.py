"""Golden signals of an Istio mesh.

Source: https://istio.io/latest/docs/reference/config/metrics/
"""

from aiops.promql import by_workload
from aiops.queries import Query

_BY = "destination_workload, destination_workload_namespace"
_SEEN = 'reporter=~"destination|waypoint"'
_ALL = f"sum by ({_BY}) (rate(istio_requests_total{{{_SEEN}}}[5m]))"

QUERIES = (
    Query(metric="mesh_requests_per_second", promql=_ALL),
    Query(
        metric="mesh_error_ratio",
        promql=f"sum by ({_BY}) (rate(istio_requests_total"
        f'{{{_SEEN},response_code=~"5..|0"}}[5m])) / {_ALL}',
    ),
    Query(
        metric="mesh_request_duration_p95_milliseconds",
        promql=f"histogram_quantile(0.95, sum by ({_BY}, le)"
        f" (rate(istio_request_duration_milliseconds_bucket{{{_SEEN}}}[5m])))",
    ),
    Query(
        metric="mesh_proxy_cpu_cores",
        promql=by_workload('rate(container_cpu_usage_seconds_total{container="istio-proxy"}[5m])'),
    ),
)
