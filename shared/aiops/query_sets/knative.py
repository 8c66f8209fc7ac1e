"""Golden signals of Knative Serving, since it speaks OpenTelemetry; it named them otherwise before.

Source: https://knative.dev/docs/serving/observability/metrics/serving-metrics/ and
https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
"""

from aiops.queries import Query

_BY = "kn_service_name, kn_revision_name"
_DURATION = "kn_serving_invocation_duration_seconds"
_ALL = f"sum by ({_BY}) (rate({_DURATION}_count[5m]))"
_FAILED = f'sum by ({_BY}) (rate({_DURATION}_count{{http_response_status_code=~"5.."}}[5m]))'


def _of_service(promql: str) -> str:
    return f'label_replace({promql}, "service", "$1", "kn_service_name", "(.*)")'


QUERIES = (
    Query(metric="revision_requests_per_second", promql=_of_service(_ALL)),
    Query(metric="revision_error_ratio", promql=_of_service(f"{_FAILED} / {_ALL}")),
    Query(
        metric="revision_duration_p95_seconds",
        promql=_of_service(
            f"histogram_quantile(0.95, sum by ({_BY}, le) (rate({_DURATION}_bucket[5m])))"
        ),
    ),
    Query(
        metric="revision_queue_depth",
        promql=_of_service(f"sum by ({_BY}) (kn_serving_queue_depth)"),
    ),
)
