"""An explanation as lines for a terminal. Pure."""

from collections.abc import Iterator

from local.explain.model import Accused, Explanation, Taken
from local.explain.words import moment, of_all, span, time_of_day

MOST_LINES = 20


def lines_of(told: Explanation) -> Iterator[str]:
    """Yield the explanation line by line."""
    yield from _head(told)
    yield from _section("timeline", _timeline(told))
    yield from _section("why each series joined", _joins(told))
    yield from _section("whom it blames, and why", _suspects(told))
    yield from _section("what would change the ranking", told.what_if)
    yield from _section("who may feel it", _reach(told))
    yield from _section("what was done", map(_step, told.steps))
    yield from _section("incidents like it", _similar(told))


def _section(title: str, lines: Iterator[str] | tuple[str, ...]) -> Iterator[str]:
    listed = list(lines)
    if listed:
        yield ""
        yield title
        yield from (f"  {one}" for one in listed)


def _head(told: Explanation) -> Iterator[str]:
    head = told.headline
    marks = ", ".join((head.status, *head.marks))
    yield head.title
    yield f"severity {head.severity} ({head.severity_word}), {marks}. {told.summary}"
    yield from (f"  {reason}" for reason in head.severity_reasons)
    lasted = span(head.last_at - head.opened_at)
    yield f"opened {moment(head.opened_at)}, anomalies for {lasted}; {told.then}"
    actors = (("acknowledged", head.acknowledged_by), ("resolved", head.resolved_by))
    moved = [f"{word} by {by}" for word, by in actors if by]
    if moved:
        yield ", ".join(moved)
    yield f"id {head.id}, version {head.version}, domain {head.domain}"


def _timeline(told: Explanation) -> Iterator[str]:
    for one in told.timeline:
        more = f" (and {of_all(one.more, 'other series', 'other series')})" if one.more else ""
        where = f"{one.where}: " if one.where else ""
        yield f"{time_of_day(one.time)}  {one.kind:<12} {where}{one.words}{more}"


def _joins(told: Explanation) -> Iterator[str]:
    for one in told.joins[:MOST_LINES]:
        yield f"{time_of_day(one.time)}  {one.service} {one.metric}: {one.words}"
    left = told.joins_left_out + max(0, len(told.joins) - MOST_LINES)
    if left:
        yield f"and {of_all(left, 'more series', 'more series')}; --json lists what is known"


def _suspects(told: Explanation) -> Iterator[str]:
    for rank, one in enumerate(told.suspects, 1):
        yield f"{rank}. {one.service}, score {one.score:.2f}{sure(one)}"
        yield from (f"   + {reason}" for reason in one.because)
        yield from (f"   - {reason}" for reason in one.against)


def sure(one: Accused) -> str:
    """Return how sure a suspect is, in words; empty where nobody can say."""
    return "" if one.confidence is None else f", {one.confidence:.0%} sure"


def _reach(told: Explanation) -> Iterator[str]:
    for one in told.reach[:MOST_LINES]:
        said = [of_all(one.hops, "call") + " away"] if one.hops is not None else []
        said += [f"{one.share:.0%} of its requests"] if one.share is not None else []
        said += ["anomalous itself"] if one.anomalous else []
        yield f"{one.service}" + (f" ({', '.join(said)})" if said else "")
    left = told.reach_left_out + max(0, len(told.reach) - MOST_LINES)
    if left:
        yield f"and {left} more"


def _step(one: Taken) -> str:
    when = "--:--:--" if one.time is None else time_of_day(one.time)
    result = f"; {one.result}" if one.result else ""
    until = "" if one.until is None else f" until {moment(one.until)}"
    route = f" [route {one.route}]" if one.route else ""
    return f"{when}  {one.channel} {one.kind}: {one.state}{until}, {one.reason}{result}{route}"


def _similar(told: Explanation) -> Iterator[str]:
    for one in told.similar:
        cause = f", caused by {one.cause}" if one.cause else ""
        yield (
            f"{one.similarity:.0%} {one.title}{cause}; {moment(one.opened_at)}, "
            f"{one.ended} after {one.minutes} min ({one.incident})"
        )
