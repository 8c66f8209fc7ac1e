"""A change just before: two services changed together, or one near the other that was changed.

Both speak for one cause, the first by itself, the second only together with other evidence.
"""

from collections.abc import Hashable, Iterable

from aiops.cell import Site
from functions.correlate.config import CorrelateConfig
from functions.correlate.correlators import topology as calls
from functions.correlate.linking import Around, Link
from functions.correlate.recent import Touches

TOGETHER = 0.7
"""What two services weigh that were changed by changes of the same kind and summary."""

NEAR = 0.4
"""What a service weighs of which one was changed that is one or two calls away."""


class Correlator:
    """Weighs what was changed shortly before both cells; without any such change, nothing."""

    gate = False

    def __init__(self, config: CorrelateConfig) -> None:
        self._calls = calls.Correlator(config)

    def keys(self, site: Site, around: Around) -> Iterable[Hashable]:
        """Return the names of the changes; what is near shares keys of the topology as well."""
        for _, release in sorted(around.one):
            if release:
                yield "release", release

    def link(self, a: Site, b: Site, apart: int, around: Around) -> Link | None:
        """Return what the changes before both weigh; None without any."""
        together = _releases(around.one) & _releases(around.other)
        if together and not set(a.ends) & set(b.ends):
            return Link(TOGETHER, f"both changed just before by {min(together)}")
        near = {
            *self._near(around.one, b, around),
            *self._near(around.other, a, around),
        }
        return Link(NEAR, f"{min(near)} was changed just before") if near else None

    def _near(self, touches: Touches, there: Site, around: Around) -> Iterable[str]:
        """Yield the changed services that are a call or two away from a site."""
        for service in {service for service, _ in touches}:
            for end in there.ends:
                if calls.UNKNOWN in {service, end} or service == end:
                    continue
                if self._calls.hops(service, end, around.topology) is not None:
                    yield service


def _releases(touches: Touches) -> set[str]:
    return {release for _, release in touches if release}
