"""Nearness in time: the gate every link has to pass."""

from collections.abc import Hashable, Iterable

from aiops.cell import Site
from functions.correlate.config import CorrelateConfig
from functions.correlate.linking import Around, Link


class Correlator:
    """Passes cells within the window, and the same site within the time to recur."""

    gate = True

    def __init__(self, config: CorrelateConfig) -> None:
        self._window = config.window * 1000
        self._recurrence = config.recurrence * 1000
        self._alone = config.time_weight >= config.threshold

    def keys(self, site: Site, around: Around) -> Iterable[Hashable]:
        """Return what all sites share, where time alone is enough; nothing otherwise."""
        return ("any",) if self._alone else ()

    def link(self, a: Site, b: Site, apart: int, around: Around) -> Link | None:
        """Return 1 for the same time, falling to 1/2 at the window's end; None where too far."""
        if apart <= self._window:
            words = f"{apart // 1000} s apart" if apart else "at the same time"
            return Link(1 - 0.5 * apart / self._window, words)
        if apart <= self._recurrence and a.key == b.key:
            return Link(1.0, f"came back after {apart // 1000} s")
        return None
