"""Shared labels: the same pod, deployment, node."""

from collections.abc import Hashable, Iterable
from math import prod

from aiops.cell import Site
from functions.correlate.config import CorrelateConfig
from functions.correlate.linking import Around, Link


class Correlator:
    """Weighs the labels two sites share; each one speaks for itself."""

    gate = False

    def __init__(self, config: CorrelateConfig) -> None:
        self._weights = config.labels
        self._telling = telling(config)

    def keys(self, site: Site, around: Around) -> Iterable[Hashable]:
        """Return the site's labels, those left out that are too weak even together."""
        return ((name, value) for name, value in site.labels if name in self._telling)

    def link(self, a: Site, b: Site, apart: int, around: Around) -> Link | None:
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


def telling(config: CorrelateConfig) -> frozenset[str]:
    """Return the labels of which one must be shared, if labels are to reach the threshold."""
    doubt = 1 - config.time_weight
    found = set()
    for weight, name in sorted((weight, name) for name, weight in config.labels.items()):
        doubt *= 1 - weight
        if 1 - doubt >= config.threshold:
            found.add(name)
    return frozenset(found)
