"""Golden signals of Redis and Valkey.

Source: https://github.com/oliver006/redis_exporter#whats-exported
"""

from aiops.queries import Query

_BY = "sum by (job, instance)"

QUERIES = (
    Query(
        metric="redis_traffic_commands_per_second",
        promql=f"{_BY} (rate(redis_commands_processed_total[5m]))",
    ),
    Query(
        metric="redis_failed_calls_per_second",
        promql=f"{_BY} (rate(redis_commands_failed_calls_total[5m]))",
    ),
    Query(
        metric="redis_refused_errors_per_second",
        promql=f"{_BY} (rate(redis_rejected_connections_total[5m]))",
    ),
    Query(
        metric="redis_command_duration_mean_seconds",
        promql=f"{_BY} (rate(redis_commands_duration_seconds_total[5m]))"
        f" / ({_BY} (rate(redis_commands_total[5m])) > 0)",
    ),
    Query(
        metric="redis_memory_used_ratio",
        promql=f"{_BY} (redis_memory_used_bytes) / ({_BY} (redis_memory_max_bytes) > 0)",
    ),
    Query(
        metric="redis_connections_used_ratio",
        promql=f"{_BY} (redis_connected_clients) / {_BY} (redis_config_maxclients)",
    ),
)
