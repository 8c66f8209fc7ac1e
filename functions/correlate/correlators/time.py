"""Nearness in time: the gate every link has to pass."""

from collections.abc import Hashable, Iterable

from aiops.cell import Site
from aiops.topology import Topology
from functions.correlate.config import CorrelateConfig
from functions.correlate.linking import Link


class Correlator:
    """Passes cells within the window, and the same site within the time to recur."""

    gate = True

    def __init__(self, config: CorrelateConfig) -> None:
        self._window = config.window * 1000
        self._recurrence = config.recurrence * 1000
        self._weight = config.time_weight
        self._alone = config.time_weight >= config.threshold

    def keys(self, site: Site, topology: Topology) -> Iterable[Hashable]:  # noqa: ARG002
        """Return what all sites share, where time alone is enough; nothing otherwise."""
        return ("any",) if self._alone else ()

    def link(self, a: Site, b: Site, apart: int, topology: Topology) -> Link | None:  # noqa: ARG002
        """Return how near the two are in time; None where too far apart."""
        if apart <= self._window:
            return Link(self._weight, f"{apart // 1000} s apart" if apart else "at the same time")
        if apart <= self._recurrence and a.key == b.key:
            return Link(self._weight, f"came back after {apart // 1000} s")
        return None
