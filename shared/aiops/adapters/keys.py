"""Every Redis key and how long it lives, one line each.

Lifetimes are in the pipeline's milliseconds; on a scaled clock they shrink with it. Keys that
belong together share a hash tag, so that one script reaches them all in one slot.
"""

from dataclasses import dataclass

DAY = 24 * 3_600_000

SERIES_LIFETIME = 14 * DAY
"""A series that sends nothing for this long is forgotten."""

ACTION_LIFETIME = 30 * DAY
"""Steps, versions and leases of an incident, since its last change."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Key names under one generation of the state.

    Attributes:
        generation: A prefix; a topic processed again on purpose gets a new one.
    """

    generation: str = ""

    def series(self, shard: int, key: str) -> str:
        """Packed record of a series."""
        return f"{self._tag('d', shard)}:s:{key}"

    def out(self, shard: int) -> str:
        """Hash `series:time` → finished anomaly; never expires, bounded by back pressure."""
        return f"{self._tag('d', shard)}:out"

    def out_due(self, shard: int) -> str:
        """Sorted set of the same fields by the time they were committed; never expires."""
        return f"{self._tag('d', shard)}:due"

    def processed(self) -> str:
        """Hash partition → time up to which `detect` has processed it."""
        return f"aiops:{self.generation}{{processed}}"

    def action_record(self, slot: int, incident: str) -> str:
        """Hash: record of an incident's steps, its revision, the snapshots they speak of."""
        return f"{self._tag('a', slot)}:i:{incident}"

    def action_due(self, slot: int) -> str:
        """Sorted set incident → when it has something to do next; never expires, pruned."""
        return f"{self._tag('a', slot)}:due"

    def action_lease(self, slot: int, incident: str, channel: str) -> str:
        """Who is sending to a channel about an incident; lives for seconds of real time."""
        return f"{self._tag('a', slot)}:lease:{incident}:{channel}"

    def _tag(self, kind: str, part: int | str) -> str:
        return f"aiops:{self.generation}{{{kind}:{part}}}"
