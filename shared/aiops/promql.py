"""PromQL that gives what exporters count by pod or instance a service: workload or machine."""

_ALPHABET = "[bcdfghjklmnpqrstvwxz2456789]"
_WORKLOAD = f"(.*?)(?:(?:-{_ALPHABET}{{6,10}})?-{_ALPHABET}{{5}}|-[0-9]+|)"
"""A pod's name is that of its workload and what was put behind it, which is not kept.

Source: k8s.io/apimachinery/pkg/util/rand, SafeEncodeString; a StatefulSet numbers its pods.
"""


def by_workload(promql: str) -> str:
    """Return a query by pod as a sum by namespace and workload."""
    named = f'label_replace({promql}, "service", "$1", "pod", "{_WORKLOAD}")'
    return f"sum by (namespace, service) ({named})"


def by_machine(promql: str) -> str:
    """Return a query by instance as one whose service is the machine."""
    return f'label_replace({promql}, "service", "$1", "instance", "([^:]+)(?::[0-9]+)?")'
