"""What an incident was made of, and which incidents of the past were made of much the same."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from aiops.events import Evidence, Similar
from aiops.incident_store import Past, Record
from functions.correlate.actors import resolved_by

MOST_MARKS = 32
"""Series of a fingerprint, the strongest ones."""

LEAST_WEIGHT = 0.05
LEAST_SIMILARITY = 0.3
"""Below this two incidents have too little in common to speak of."""

LISTED = 3

REMEMBERED = 30 * 24 * 3_600_000
"""Milliseconds for which an incident of the past is compared with others."""

Marks = Mapping[str, float]


def marks_of(evidence: Iterable[Evidence]) -> dict[str, float]:
    """Return what an incident is made of: service, metric and template, weighed by the score."""
    found: dict[str, float] = {}
    for piece in evidence:
        peak = piece.peak
        name = "\x1f".join((peak.service, peak.metric, peak.template or ""))
        found[name] = max(found.get(name, LEAST_WEIGHT), round(peak.score, 3))
    strongest = sorted(found.items(), key=lambda mark: (-mark[1], mark[0]))[:MOST_MARKS]
    return dict(sorted(strongest))


def likeness(one: Marks, other: Marks) -> float:
    """Return the weight both have in common as a share of the weight of all, 0 to 1.

    Source: weighted Jaccard similarity, the sum of the minima over the sum of the maxima.
    """
    names = sorted(one.keys() | other.keys())
    most = sum(max(one.get(name, 0.0), other.get(name, 0.0)) for name in names)
    least = sum(min(one.get(name, 0.0), other.get(name, 0.0)) for name in names)
    return least / most if most else 0.0


def past_of(record: Record, title: str) -> Past | None:
    """Return what is kept of an incident; None where it is not over or nobody was told of it."""
    if record.status != "resolved" or record.resolved_at is None or record.notified_at is None:
        return None
    return Past(
        incident=record.id,
        title=title,
        cause=record.root_cause[0].service if record.root_cause else None,
        opened_at=record.opened_at,
        resolved_at=record.resolved_at,
        ended_by=resolved_by(record),
        marks=tuple(marks_of(record.evidence).items()),
    )


class Archive:
    """Incidents of the past, found by what they have in common with another."""

    def __init__(self, past: Iterable[Past]) -> None:
        self._past = [(one, dict(one.marks)) for one in past]
        self._by_mark: defaultdict[str, list[int]] = defaultdict(list)
        for place, (_, marks) in enumerate(self._past):
            for mark in marks:
                self._by_mark[mark].append(place)

    def like(self, record: Record) -> tuple[Similar, ...]:
        """Return the incidents most alike, at most three; of equal ones the latest first."""
        marks = marks_of(record.evidence)
        places = {place for mark in marks for place in self._by_mark.get(mark, ())}
        found = [
            (likeness(marks, theirs), one.resolved_at, one)
            for one, theirs in (self._past[place] for place in sorted(places))
            if one.incident != record.id and one.resolved_at >= record.opened_at - REMEMBERED
        ]
        alike = [row for row in found if row[0] >= LEAST_SIMILARITY]
        alike.sort(key=lambda row: (-row[0], -row[1], row[2].incident))
        return tuple(_similar(one, share) for share, _, one in alike[:LISTED])


def _similar(one: Past, share: float) -> Similar:
    return Similar(
        incident=one.incident,
        title=one.title,
        cause=one.cause,
        opened_at=one.opened_at,
        resolved_at=one.resolved_at,
        similarity=round(share, 3),
        ended_by=one.ended_by,
    )
