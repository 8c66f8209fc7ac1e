"""What would change the ranking: ranked again with a part of what is known left out. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from aiops.events import ChangeObserved, Evidence, Suspect
from aiops.topology import EMPTY
from functions.correlate.incident import strength
from functions.correlate.judging import ranked
from functions.correlate.ranking import Case, Ranker
from local.explain.words import line, name, of_all, place

MOST_TRIED = 60
"""Series that are left out in turn, the strongest first; a ranking takes milliseconds at most."""

MOST_NAMED = 4
NARROW, CLEAR = 1.2, 2.5
"""A lead of less than the first factor is called narrow, from the second on clear."""

UNKNOWN = (
    "what is known here does not lead to the same ranking (the incident had more series, or the "
    "topology or a change has been forgotten since), so nothing else can be said"
)


def what_if(case: Case, ranker: Ranker, stated: Sequence[Suspect]) -> tuple[str, ...]:
    """Return what would make another service the first suspect, and what would not.

    Args:
        case: What is known of the incident; its evidence may be fewer series than were ranked.
        ranker: The one that ranked.
        stated: The suspects as the incident states them.
    """
    if not stated or not case.evidence:
        return ("nobody is suspected, so there is no ranking to change",)
    now = ranked(case, ranker)
    first = stated[0].service
    if not now or now[0].service != first:
        return (
            *_gap(stated),
            UNKNOWN,
        )
    return tuple(
        line(words)
        for words in (
            *_gap(stated),
            *_single(case, ranker, first),
            *_service(case, ranker, first),
            *_rest(case, ranker, first),
        )
    )


def _gap(stated: Sequence[Suspect]) -> Iterator[str]:
    first = stated[0]
    if len(stated) < 2:
        yield f"nobody else is suspected beside {name(first.service)}"
        return
    second = stated[1]
    scores = f"{name(first.service)} scores {first.score:.2f}, {name(second.service)}, the next, "
    scores += f"{second.score:.2f}"
    if second.score <= 0:
        yield f"{scores}: nothing weighs against the runner-up"
    elif first.score < NARROW * second.score:
        yield f"{scores}: a narrow lead, which a little more evidence may turn"
    else:
        times = first.score / second.score
        lead = "a clear lead" if times >= CLEAR else "a lead"
        yield f"{scores}: {times:.1f} times as much, {lead}"


def _single(case: Case, ranker: Ranker, first: str) -> Iterator[str]:
    """Yield which single series, left out, makes another service the first suspect."""
    strongest = sorted(case.evidence, key=strength, reverse=True)[:MOST_TRIED]
    if len(case.evidence) < 2:
        yield "it all rests on a single series: without that there is no incident"
        return
    deciding = [
        (piece, other)
        for piece in strongest
        if (other := _first(ranker, case, [one for one in case.evidence if one is not piece]))
        != first
    ]
    for piece, other in deciding[:MOST_NAMED]:
        what = f"{piece.peak.metric} of {place(piece.peak)}"
        yield f"without {name(what)}, {_would(other)}"
    if len(deciding) > MOST_NAMED:
        yield f"the same goes for {of_all(len(deciding) - MOST_NAMED, 'other series')}"
    if not deciding:
        tried = "each of" if len(strongest) == len(case.evidence) else "each of the strongest"
        yield (
            f"no single series decides: with {tried} {of_all(len(strongest), 'series', 'series')} "
            f"left out in turn, {name(first)} stays first"
        )


def _service(case: Case, ranker: Ranker, first: str) -> Iterator[str]:
    """Yield who comes first where nothing is known of the first suspect itself."""
    others = [piece for piece in case.evidence if not _of(piece, first)]
    own = len(case.evidence) - len(others)
    if own == 0:
        yield f"{name(first)} shows nothing itself: it is suspected for what others show"
    elif own > 1 and others:
        other = _first(ranker, case, others)
        what = f"without all {of_all(own, 'series', 'series')} of {name(first)}"
        yield f"{what}, {_would(other)}" if other != first else f"{what} it would stay first"


def _rest(case: Case, ranker: Ranker, first: str) -> Iterator[str]:
    """Yield whether the changes and the topology decide."""
    if case.changes:
        other = _first(ranker, replace(case, changes=()), case.evidence)
        what = f"without {_changes(case.changes)}"
        yield f"{what}, {_would(other)}" if other != first else f"{what}, {name(first)} stays first"
    if case.topology.calls:
        other = _first(ranker, replace(case, topology=EMPTY), case.evidence)
        what = "without knowing who calls whom"
        yield f"{what}, {_would(other)}" if other != first else f"{what}, {name(first)} stays first"


def _changes(changes: Sequence[ChangeObserved]) -> str:
    if len(changes) == 1:
        return f"the {changes[0].kind} of {name(changes[0].service)}"
    return f"the {len(changes)} changes around it"


def _first(ranker: Ranker, case: Case, evidence: Iterable[Evidence]) -> str | None:
    suspects = ranked(replace(case, evidence=tuple(evidence)), ranker)
    return suspects[0].service if suspects else None


def _would(other: str | None) -> str:
    return "nobody would be suspected" if other is None else f"{name(other)} would come first"


def _of(piece: Evidence, service: str) -> bool:
    return service in (piece.peak.edge or (piece.peak.service,))
