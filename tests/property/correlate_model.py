"""A plain model of `correlate`: one reader who keeps everything and derives all of it anew.

Slow, and easy to see through: every anomaly is compared with every other, what is connected is one
incident, and what is to be known of an incident follows from its anomalies and from the commands
given for any of them. It has no revision, no order of arrival, no merges and no memory.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from aiops.cell import Cell
from aiops.events import Anomaly, ChangeObserved, CommandGiven
from aiops.topology import Topology
from functions.correlate.config import CorrelateConfig
from functions.correlate.linking import Linker
from functions.correlate.recent import Changes
from functions.correlate.sites import cell_of


@dataclass(frozen=True, slots=True)
class Expected:
    """What ought to be known of an incident.

    Attributes:
        ends: When it may have ended: where a person said so it may have been known before that it
            was quiet, or not; without such a word there is one answer.
    """

    members: frozenset[str]
    opened_at: int
    status: str
    ends: frozenset[int | None]
    services: tuple[str, ...]
    series: Mapping[str, tuple[int, int, int, str]]
    to_be_told: bool


@dataclass(slots=True)
class Model:
    """All that ever came, whatever its order.

    Attributes:
        commands: Each with an anomaly of the incident it was given for.
        topologies: `(valid from, graph)`, oldest first, at least one.
        linker: Tells what links two cells; pure and symmetric.
    """

    config: CorrelateConfig
    linker: Linker
    topologies: list[tuple[int, Topology]]
    anomalies: dict[str, Anomaly] = field(default_factory=dict)
    commands: list[tuple[str, CommandGiven]] = field(default_factory=list)
    changes: list[ChangeObserved] = field(default_factory=list)
    processed_until: int = 0
    now: int = 0

    def topology_at(self, time: int) -> Topology:
        """Return the last graph that held by then, the first one for what was before."""
        valid = [topology for since, topology in self.topologies if since <= time]
        return valid[-1] if valid else self.topologies[0][1]

    def linked(self, here: Cell, there: Cell, changes: Changes) -> bool:
        """Return whether two cells are one or linked, by the topology at the later of them."""
        if here == there:
            return True
        topology = self.topology_at(max(here.time, there.time))
        return self.linker.link(here, there, topology, changes) is not None

    def partition(self, reach: int | None = None) -> frozenset[frozenset[str]]:
        """Return which anomalies are one incident.

        Args:
            reach: Milliseconds beyond which two anomalies need not be compared; None compares all.
        """
        changes = Changes(self.changes, self.config.change_reach * 1000, self.config.bucket * 1000)
        cells = {name: cell_of(one, self.config) for name, one in self.anomalies.items()}
        part = {name: {name} for name in self.anomalies}
        ordered = sorted(self.anomalies.values(), key=lambda one: one.time)
        for place, a in enumerate(ordered):
            for b in ordered[place + 1 :]:
                if reach is not None and b.time - a.time > reach:
                    break
                if part[a.id] is part[b.id]:
                    continue
                if self.linked(cells[a.id], cells[b.id], changes):
                    part[a.id] |= part[b.id]
                    for name in part[b.id]:
                        part[name] = part[a.id]
        return frozenset(frozenset(members) for members in part.values())

    def expected(self, members: frozenset[str], severity: int) -> Expected:
        """Return what ought to be known of the incident of these anomalies, of that severity."""
        found = [self.anomalies[name] for name in members]
        opened, last = min(a.time for a in found), max(a.time for a in found)
        newest = self._newest(members)
        ends = self._ends([a.time for a in found], newest)
        status = "resolved" if ends else "open"
        if not ends and self._taken_on(found, newest):
            status = "acknowledged"
        waits = len(_series(found)) < self.config.group_series
        told = (
            self._worth_telling(found, severity)
            and opened + waits * self.config.group_wait * 1000 <= self.now
        )
        return Expected(
            members,
            opened,
            status,
            ends or frozenset({None}),
            tuple(sorted({a.service for a in found})),
            _series(found),
            to_be_told=told and not self._said(last, newest),
        )

    def actors(self, members: frozenset[str], ended_at: int | None) -> tuple[str, str]:
        """Return who took the incident of these anomalies on, and who ended it at that time."""
        said = self._last_said(members)
        newest = self._newest(members)
        taken_on = self._taken_on([self.anomalies[name] for name in members], newest)
        ended = ended_at is not None and newest.get("resolve") == ended_at
        return said["acknowledge"][1] if taken_on else "", said["resolve"][1] if ended else ""

    def _newest(self, members: frozenset[str]) -> dict[str, int]:
        """Return when each kind of command was last given for any of these."""
        return {command: at for command, (at, _) in self._last_said(members).items()}

    def _last_said(self, members: frozenset[str]) -> dict[str, tuple[int, str]]:
        said: dict[str, tuple[int, str]] = {}
        for name, given in self.commands:
            if name in members:
                one = given.given_at, given.given_by
                said[given.command] = max(said.get(given.command, (0, "")), one)
        return said

    @staticmethod
    def _said(last: int, newest: Mapping[str, int]) -> bool:
        """Return whether a person said it is over, and nothing came after that."""
        return newest.get("resolve", 0) >= max(last, newest.get("reopen", 0))

    def _ends(self, times: Sequence[int], newest: Mapping[str, int]) -> frozenset[int]:
        last = max(times)
        quiet = max(last, newest.get("reopen", 0)) + long_enough(times, self.config)
        ends = {quiet} if quiet < self.processed_until else set()
        if self._said(last, newest):
            ends.add(newest["resolve"])
        return frozenset(ends)

    def _taken_on(self, found: Sequence[Anomaly], newest: Mapping[str, int]) -> bool:
        """Return whether somebody acknowledged what has been going on without a quiet time."""
        times = sorted(a.time for a in found)
        began = times[0]
        for before, after in pairwise(times):
            if after - before > self.config.resolve_after * 1000:
                began = after
        said = newest.get("acknowledge", 0)
        return said >= began and said > max(newest.get("resolve", 0), newest.get("reopen", 0))

    def _worth_telling(self, found: Sequence[Anomaly], severity: int) -> bool:
        counts = [count for _, _, count, _ in _series(found).values()]
        several = (
            len(counts) >= self.config.notify_series and len(found) >= self.config.notify_anomalies
        )
        severe = severity >= self.config.notify_severity
        return several or severe or max(counts) >= self.config.notify_repeats


def long_enough(times: Sequence[int], config: CorrelateConfig) -> int:
    """Return how long it has to be quiet after these anomalies until they are over.

    Longer where it came back several times of late.
    """
    quiet, ordered = config.resolve_after * 1000, sorted(times)
    since = ordered[-1] - config.flap_within * 1000
    returns = [b for a, b in pairwise(ordered) if b - a > quiet and b > since]
    flaps = 0 < config.flap_returns <= len(returns)
    return max(quiet, config.flap_calm * 1000) if flaps else quiet


def _series(found: Sequence[Anomaly]) -> dict[str, tuple[int, int, int, str]]:
    """Return first, last, number and strongest anomaly of each series."""
    by_series: defaultdict[str, list[Anomaly]] = defaultdict(list)
    for anomaly in found:
        by_series[anomaly.series].append(anomaly)
    return {
        series: (
            min(a.time for a in some),
            max(a.time for a in some),
            len(some),
            max(some, key=lambda a: (a.score, a.id)).id,
        )
        for series, some in by_series.items()
    }
