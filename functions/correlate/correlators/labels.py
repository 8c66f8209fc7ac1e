"""Shared labels: the same pod, deployment, node."""

from math import prod

from aiops.cell import Site
from aiops.topology import Topology
from functions.correlate.config import CorrelateConfig
from functions.correlate.linking import Link


class Correlator:
    """Weighs the labels two sites share; each one speaks for itself."""

    gate = False

    def __init__(self, config: CorrelateConfig) -> None:
        self._weights = config.labels

    def link(self, a: Site, b: Site, apart: int, topology: Topology) -> Link | None:  # noqa: ARG002
        """Return what the labels with equal values weigh together; None without any."""
        there = b.where
        shared = [
            (self._weights[name], name, value)
            for name, value in a.labels
            if there.get(name) == value and self._weights.get(name, 0) > 0
        ]
        if not shared:
            return None
        _, name, value = max(shared)
        return Link(1 - prod(1 - weight for weight, _, _ in shared), f"both on {name} {value}")
