"""Golden signals of machines.

Source: https://github.com/prometheus/node_exporter#enabled-by-default
"""

from aiops.promql import by_machine
from aiops.queries import Query

_SENT = "rate(node_network_transmit"
_RECEIVED = "rate(node_network_receive"
_REAL = '{fstype!~"tmpfs|overlay|squashfs|ramfs"}'

QUERIES = (
    Query(
        metric="node_traffic_bytes_per_second",
        promql=by_machine(
            f'sum by (instance) ({_RECEIVED}_bytes_total{{device!="lo"}}[5m])'
            f' + {_SENT}_bytes_total{{device!="lo"}}[5m]))'
        ),
    ),
    Query(
        metric="node_network_errors_per_second",
        promql=by_machine(
            f"sum by (instance) ({_RECEIVED}_errs_total[5m]) + {_SENT}_errs_total[5m]))"
        ),
    ),
    Query(
        metric="node_oom_kills",
        promql=by_machine("sum by (instance) (increase(node_vmstat_oom_kill[5m]))"),
    ),
    Query(
        metric="node_io_latency_seconds",
        promql=by_machine(
            "sum by (instance) (rate(node_disk_read_time_seconds_total[5m])"
            " + rate(node_disk_write_time_seconds_total[5m]))"
            " / (sum by (instance) (rate(node_disk_reads_completed_total[5m])"
            " + rate(node_disk_writes_completed_total[5m])) > 0)"
        ),
    ),
    Query(
        metric="node_cpu_used_ratio",
        promql=by_machine('1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m]))'),
    ),
    Query(
        metric="node_memory_used_ratio",
        promql=by_machine(
            "1 - sum by (instance) (node_memory_MemAvailable_bytes)"
            " / sum by (instance) (node_memory_MemTotal_bytes)"
        ),
    ),
    Query(
        metric="node_filesystem_used_ratio",
        promql=by_machine(
            "max by (instance, mountpoint)"
            f" (1 - node_filesystem_avail_bytes{_REAL} / node_filesystem_size_bytes{_REAL})"
        ),
    ),
    Query(
        metric="node_disk_busy_ratio",
        promql=by_machine("max by (instance) (rate(node_disk_io_time_seconds_total[5m]))"),
    ),
)
