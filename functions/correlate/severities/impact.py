"""What an incident means to the users of the system, as far as anomalies can tell.

A point each for evidence that is clear or lasts, for somebody who suffers (latency, errors), for
users among them, for several services in trouble, and for a large part of the system that depends
on the suspect. One series that has hardly begun says little unless users notice or somebody suffers
beyond doubt: how far a series left its usual range is not comparable between series. An alert that
somebody wrote, and an objective whose budget burns, say how bad it is at least.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from aiops.events import Evidence
from aiops.topology import EMPTY, Topology
from functions.correlate.config import CorrelateConfig
from functions.correlate.grading import WORST, Grade
from functions.correlate.incident import strength
from functions.correlate.objective import burning
from functions.correlate.ranking import Case
from functions.correlate.suffering import MISSED, suffering, suffers

CLEAR = 0.5
"""The score from which evidence is clear: twice the alarm line."""

SEVERAL = 3
"""Services in trouble at once."""

LARGE_PART = 0.25
"""The part of users' requests, or of all services, that depends on the suspect from which many may
notice."""

HARDLY_BEGUN = 2
"""The most that one series is worth before it lasts, unless somebody suffers beyond doubt."""

BEYOND_DOUBT = 0.9
"""The score from which suffering is beyond doubt: ten times the alarm line."""

Said = tuple[int, str]
"""A number of points, or a severity, and the words for it."""


class Severity:
    """Adds up what speaks for an incident being bad."""

    def __init__(self, config: CorrelateConfig) -> None:
        self._users = None if config.user_facing is None else _any_of(config.user_facing)
        self._virtual = _any_of(config.virtual_clients)
        self._lasting = config.notify_repeats
        self._objectives = config.objectives
        self._served: tuple[Topology, Mapping[str, float]] = (EMPTY, {})

    def grade(self, case: Case, affected: Sequence[str]) -> Grade:
        """Return 1 and the points, at least what an alert or a burning budget demands."""
        felt = suffering(case.evidence)
        users = [one for one in felt if self.faces_users(one, case.topology)]
        points = [
            *self._evidence(case.evidence),
            *_felt(felt, users),
            *_spread(case.evidence),
            *self._reach(case.topology, affected),
        ]
        severity = min(WORST, 1 + sum(point for point, _ in points))
        reasons = [words for _, words in points] or ["nothing of it is clear, lasts or is felt"]
        most = None if users else self._most(case.evidence)
        if most is not None and most[0] < severity:
            severity = most[0]
            reasons.append(most[1])
        least = max(self._least(case.evidence), default=(0, ""))
        if least[0] > severity:
            severity = least[0]
            reasons.insert(0, least[1])
        return Grade(severity, tuple(reasons))

    def faces_users(self, service: str, topology: Topology) -> bool:
        """Return whether users are served by a service: configured, or nobody else calls it."""
        if self._users is not None:
            return self._users.fullmatch(service) is not None
        if self._virtual.fullmatch(service) or not topology.neighbours(service):
            return False
        return all(self._virtual.fullmatch(caller) for caller in topology.callers(service))

    def _evidence(self, evidence: Sequence[Evidence]) -> Iterator[Said]:
        measured = [piece for piece in evidence if piece.peak.alert is None]
        if not measured:
            return
        strongest = max(measured, key=strength).peak
        longest = max(measured, key=lambda piece: (piece.count, piece.peak.id))
        if strongest.score >= CLEAR:
            ratio = strongest.evidence / strongest.alarm_line
            often = f"{ratio:.3g}" if ratio < 1_000 else "more than 1000"
            what = f"{strongest.metric} of {strongest.service}"
            yield 1, f"the evidence is clear: {what} is {often} times its line"
        elif longest.count >= self._lasting:
            what = f"{longest.peak.metric} of {longest.peak.service}"
            yield 1, f"it lasts: {longest.count} anomalies of {what}"

    def _reach(self, topology: Topology, affected: Sequence[str]) -> Iterator[Said]:
        """Yield a point where much depends on the suspect: of users' requests, else of services."""
        served = self._requests(topology)
        if not affected or not sum(served.values()):
            yield from _by_number(topology, affected)
            return
        shares = {one.service: one.share or 0.0 for one in topology.affected(affected[0])}
        shares[affected[0]] = 1.0
        depend = sum(rate * shares.get(service, 0.0) for service, rate in served.items())
        share = depend / sum(served.values())
        if share >= LARGE_PART:
            yield 1, f"{share:.0%} of the requests of users depend on {affected[0]}"

    def _requests(self, topology: Topology) -> Mapping[str, float]:
        """Return the requests per second of the services that serve users, as far as known.

        Those of one that nobody is seen to call are as many as its busiest call carries. Threads
        share what is remembered, so it is replaced as a whole.
        """
        known, served = self._served
        if known is topology:
            return served
        served = {}
        for service in topology.services:
            if topology.seen and self.faces_users(service, topology):
                came = [topology.traffic(one, service) or 0.0 for one in topology.callers(service)]
                went = [topology.traffic(service, one) or 0.0 for one in topology.callees(service)]
                served[service] = sum(came) or max(went, default=0.0)
        self._served = (topology, served)
        return served

    def _most(self, evidence: Sequence[Evidence]) -> Said | None:
        """Return what an incident is worth at most while one series has hardly begun."""
        only = evidence[0]
        if len(evidence) > 1 or only.count >= self._lasting:
            return None
        if only.peak.score >= BEYOND_DOUBT and suffers(only.peak) is not None:
            return None
        return HARDLY_BEGUN, f"one series alone, and not for long: no more than {HARDLY_BEGUN}"

    def _least(self, evidence: Sequence[Evidence]) -> Iterator[Said]:
        """Yield what an incident is worth at least."""
        for piece in evidence:
            if piece.peak.alert is not None:
                words = f"the alert {piece.peak.metric} is of severity {piece.peak.severity}"
                yield piece.peak.severity, words
            yield from burning(piece, self._objectives)


def _felt(felt: Mapping[str, str], users: Sequence[str]) -> Iterator[Said]:
    """Yield points for users who suffer, else for a service that does.

    That a service is asked less says something about users where it is they who ask.
    """
    services = [service for service, how in felt.items() if how != MISSED]
    if users:
        more = f" (and {len(users) - 1} more)" if len(users) > 1 else ""
        yield 2, f"users notice it: {users[0]}{more}, which serves them, {felt[users[0]]}"
    elif services:
        more = f" (and {len(services) - 1} more)" if len(services) > 1 else ""
        yield 1, f"{services[0]}{more} {felt[services[0]]}"


def _spread(evidence: Sequence[Evidence]) -> Iterator[Said]:
    services = {piece.peak.service for piece in evidence}
    if len(services) >= SEVERAL:
        yield 1, f"{len(services)} services show anomalies"


def _by_number(topology: Topology, affected: Sequence[str]) -> Iterator[Said]:
    known = len(topology.services)
    if len(affected) >= SEVERAL and len(affected) >= LARGE_PART * known:
        others = len(affected) - 1
        share = min(1.0, len(affected) / known)
        yield 1, f"{affected[0]} and {others} that depend on it are {share:.0%} of all services"


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns) or r"(?!)")
