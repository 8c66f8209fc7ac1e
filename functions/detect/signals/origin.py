"""Which service telemetry comes from, by the labels of whoever sent it. Pure."""

from collections.abc import Mapping

from aiops.alerts import plain
from aiops.series import SeriesMap
from functions.detect.signals.kubernetes.workload import workload_of

SERVICE = "service"
"""The label of a service whose name was told as such."""

_WORKLOADS = ("deployment", "statefulset", "daemonset", "cronjob")
_OTHERS = ("container", "container_name", "host")

MAX_NAME = 200
"""Characters of the name of a service."""


def service_of(labels: Mapping[str, str], names: SeriesMap) -> str:
    """Return the service, as its series of metrics are told to belong to; `unknown` for none.

    Args:
        labels: Of a resource or a stream.
        names: How series are read.
    """
    for name in (*names.service_from, SERVICE, *_WORKLOADS):
        if labels.get(name):
            return plain(labels[name])[:MAX_NAME]
    if labels.get("pod"):
        return plain(workload_of("Pod", labels["pod"]).name)[:MAX_NAME]
    found = next((labels[name] for name in _OTHERS if labels.get(name)), "unknown")
    return plain(found)[:MAX_NAME] or "unknown"
