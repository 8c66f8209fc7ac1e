"""From what a record says of a service, and what is kept of it, to minutes that are over. Pure.

What is kept after some records depends on them alone, and not on how they were cut into events, as
long as what a service tells is no later than the grace allows.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from aiops.ports import Counts
from functions.detect.windows.config import WindowsConfig
from functions.detect.windows.state import Origin, ServiceState, Window
from functions.detect.windows.tally import (
    MINUTE_MS,
    MOST_EXEMPLARS,
    STEPS,
    Cell,
    Row,
    ServiceTally,
    Sighting,
)

TELLINGS = 3
"""Minutes in which people are told of a new error; one that came once may be nothing."""

FRESH_MINUTES = 10
"""For so long it is new."""

QUANTILES = (("p50", 0.5), ("p95", 0.95))


@dataclass(frozen=True, slots=True)
class Counted:
    """A value of a minute that is over.

    Attributes:
        time: The end of the minute, unix milliseconds.
        row: Metric and labels, without the service.
        exemplars: Ids of traces that had a part in it.
    """

    time: int
    row: Row
    value: float
    exemplars: tuple[str, ...] = ()


@dataclass(slots=True)
class Folded:
    """What came of a record, or of the clock.

    Attributes:
        counted: Values of minutes that are over, in the order of time.
        fresh: Errors that are new to their service, by id of the template.
        counts: What was dropped, by reason.
    """

    counted: list[Counted] = field(default_factory=list)
    fresh: dict[str, Sighting] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counter)


def fold(
    state: ServiceState, part: ServiceTally, origin: Origin, latest: int, config: WindowsConfig
) -> Folded:
    """Add what a record says of a service to what is kept of it, unless it was added before.

    What it tells of the time after it was sent closes no minute: one clock that is ahead must not
    make all others late.

    Args:
        state: Is changed.
        part: What the record says.
        origin: Where the record comes from.
        latest: What lies after it, unix milliseconds, is dropped as `future`.
        config: When a minute is over.
    """
    found = Folded()
    if state.repeats(origin):
        found.counts["repeated"] += 1
        return found
    state.note(origin)
    heard = min(part.newest, origin.time)
    if not state.since:
        minutes = [minute for minute, _ in (*part.counts, *part.durations)]
        minutes += [time // MINUTE_MS for time, _, _ in part.totals.values()]
        state.since = min([heard, *(minute * MINUTE_MS for minute in minutes)])
        oldest = min(state.since, heard - int(config.grace * 1000))
        state.closed = oldest // MINUTE_MS - 1
    _add(state, part, latest, config, found.counts)
    _see(state, part, latest, config, found)
    state.newest = max(state.newest, heard)
    _close(state, config, found)
    return found


def pass_by(state: ServiceState, now: int, config: WindowsConfig) -> Folded:
    """Let the time go on for a service that tells nothing; nothing happens where it does.

    Args:
        state: Is changed.
        now: By the clock.
        config: When a service is quiet.
    """
    found = Folded()
    if now - state.touched >= config.idle * 1000:
        state.newest += now - state.touched
        state.touched = now
        _close(state, config, found)
    return found


def waits(state: ServiceState) -> bool:
    """Return whether something is left to be done for a service though it tells nothing more."""
    return bool(state.windows or state.rows or state.pending)


def _add(
    state: ServiceState, part: ServiceTally, latest: int, config: WindowsConfig, counts: Counts
) -> None:
    for cell, n in (*part.counts.items(), *_added(state, part)):
        window = _window(state, cell, latest // MINUTE_MS, config)
        if isinstance(window, str):
            counts[window] += n
        else:
            window.counts[cell[1]] += n
            _exemplify(window, cell, part)
    for cell, buckets in part.durations.items():
        window = _window(state, cell, latest // MINUTE_MS, config)
        if isinstance(window, str):
            counts[window] += buckets.total()
        else:
            kept = window.durations.setdefault(cell[1], {})
            for bucket, n in buckets.items():
                kept[bucket] = kept.get(bucket, 0) + n
            _exemplify(window, cell, part)


def _added(state: ServiceState, part: ServiceTally) -> Iterator[tuple[Cell, int]]:
    """Yield what was added to counts that somebody else keeps."""
    for name, (time, row, total) in part.totals.items():
        added = state.added(name, total)
        if added:
            yield (time // MINUTE_MS, row), added


def _window(state: ServiceState, cell: Cell, latest: int, config: WindowsConfig) -> Window | str:
    """Return the window a cell belongs to, or why it is dropped."""
    minute, row = cell
    if minute <= state.closed:
        return "late"
    if minute > latest:
        return "future"
    window = state.windows.setdefault(minute, Window())
    known = row in window.counts or row in window.durations
    return window if known or window.size < config.max_rows else "too_many_rows"


def _exemplify(window: Window, cell: Cell, part: ServiceTally) -> None:
    for one in part.exemplars.get(cell, ()):
        kept = window.exemplars.setdefault(cell[1], [])
        if len(kept) < MOST_EXEMPLARS and one not in kept:
            kept.append(one)


def _see(
    state: ServiceState, part: ServiceTally, latest: int, config: WindowsConfig, found: Folded
) -> None:
    """Find the errors a service never had; those of its first time are only remembered."""
    for template, seen in sorted(part.sightings.items(), key=lambda item: (item[1].time, item[0])):
        if seen.time > latest:
            continue
        minute = seen.time // MINUTE_MS
        known = state.templates.pop(template, None)
        state.templates[template] = max(minute, known or 0)
        if known is None and seen.time >= state.since + config.learn_for * 1000:
            told = state.told[1] if state.told[0] == minute else 0
            if told >= config.max_new:
                found.counts["too_many_new"] += 1
                continue
            state.told = (minute, told + 1)
            state.fresh[template] = (minute, 1)
            found.fresh[template] = seen
        elif known is not None and _goes_on(state, template, minute, known):
            found.fresh[template] = seen
    while len(state.templates) > config.max_templates:
        del state.templates[next(iter(state.templates))]


def _goes_on(state: ServiceState, template: str, minute: int, last: int) -> bool:
    """Return whether a new error is to be told again, in another minute than before."""
    first, times = state.fresh.get(template, (0, TELLINGS))
    if minute - first > FRESH_MINUTES or times >= TELLINGS:
        state.fresh.pop(template, None)
        return False
    if minute <= last:
        return False
    state.fresh[template] = (first, times + 1)
    return True


def _close(state: ServiceState, config: WindowsConfig, found: Folded) -> None:
    """Close every minute that is over."""
    last = int(state.newest - config.grace * 1000) // MINUTE_MS - 1
    minute = state.closed + 1
    while minute <= last:
        if not state.rows and minute not in state.windows:
            minute = min((each for each in state.windows if each <= last), default=last + 1)
            continue
        found.counted += _values(state, minute, config)
        minute += 1
    state.closed = max(state.closed, last)


def _values(state: ServiceState, minute: int, config: WindowsConfig) -> Iterator[Counted]:
    """Yield the values of a minute, and forget what has not been told of for long."""
    window = state.windows.pop(minute, Window())
    time = (minute + 1) * MINUTE_MS
    state.rows |= dict.fromkeys(window.counts, minute)
    oldest = minute - config.zeros * 1000 / MINUTE_MS
    for row in [row for row, told in state.rows.items() if told < oldest]:
        del state.rows[row]
    for row in state.rows:
        ids = tuple(window.exemplars.get(row, ()))
        yield Counted(time, row, float(window.counts.get(row, 0)), ids)
    for (metric, labels), buckets in window.durations.items():
        ids = tuple(window.exemplars.get((metric, labels), ()))
        for name, q in QUANTILES:
            yield Counted(time, (f"{metric}_{name}", labels), quantile(buckets, q), ids)


def quantile(buckets: dict[int, int], q: float) -> float:
    """Return a quantile of durations in seconds, off by 4.4 % at most.

    Args:
        buckets: How often each; not empty.
        q: 0 to 1.
    """
    rank = q * sum(buckets.values())
    seen = 0
    bucket = 0
    for bucket in sorted(buckets):
        seen += buckets[bucket]
        if seen >= rank:
            break
    return float(2 ** ((bucket - 0.5) / STEPS))
