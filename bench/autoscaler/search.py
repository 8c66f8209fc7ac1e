"""Which setting is shipped: the cheapest that stands every trial."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from bench.autoscaler.courses import MINUTE
from bench.autoscaler.outcome import Outcome
from bench.autoscaler.settings import Settings
from bench.autoscaler.trials import Trial, loads, trickles
from bench.autoscaler.work import partitions

TARGETS = (1.0, 2.0, 4.0, 8.0)
UTILIZATIONS = (100.0, 70.0, 60.0, 50.0)
WINDOWS = (60, 30, 15, 6)
DELIVERED = ("metrics", "logs", "traces", "events")
"""Topics delivered to `detect`: no request of theirs waits where all instances are there."""

CONCURRENCIES = (1, 2, 4, 8)
RETENTIONS = (0.0, 60.0, 120.0, 300.0, 600.0)
SEEDS = range(4)
"""What stands the trials stands them whenever records happen to come."""


def chosen(figures: Mapping[str, str | int | float]) -> Settings:
    """Return the setting with the fewest pod seconds among those that stand all trials.

    One question after the other: target, utilization and window under load, with instances that
    take as much as any; then how much they take at once, enough for all partitions that deliver,
    by the delays; then, where little comes, how long the last is kept. The first of equals is
    taken. Instances at most: as many as there are partitions, for more would have nothing to do.

    Raises:
        StopIteration: no setting stands the trials.
    """
    first, *others = (loads(figures, seed) for seed in SEEDS)
    wide = Settings(concurrency=max(CONCURRENCIES), most=partitions("metrics"))
    best = _first(_by(_pod_seconds, aims(wide), first), others)
    least = max(best.target, sum(map(partitions, DELIVERED)) / best.most)
    taking = (replace(best, concurrency=each) for each in CONCURRENCIES if each >= least)
    best = _first(_by(_delays, taking, first), others)
    kept = (replace(best, retention=each) for each in RETENTIONS)
    return next(_by(_pod_seconds, kept, trickles(figures)))


def stood(settings: Settings, trials: Sequence[Trial]) -> list[Outcome]:
    """Return what came of the trials; nothing where one was not stood, or the count is restless.

    It is restless where instances are started again, beyond the most there were at a time, more
    than once a minute on the whole.
    """
    outcomes = []
    for trial in trials:
        outcome = trial.run(settings)
        if not trial.stood(outcome):
            return []
        outcomes.append(outcome)
    again = sum(len(outcome.starts) - outcome.most_wanted for outcome in outcomes)
    return outcomes if again <= sum(trial.course.lasts for trial in trials) / MINUTE else []


def _first(candidates: Iterator[Settings], others: Sequence[Sequence[Trial]]) -> Settings:
    """Return the first that stands the others as well: where records come at other moments."""
    return next(each for each in candidates if all(stood(each, trials) for trials in others))


def _by(
    figure: Callable[[Outcome], float], candidates: Iterable[Settings], trials: Sequence[Trial]
) -> Iterator[Settings]:
    """Yield those that stand all trials, in order of the sum of a figure."""
    found: list[tuple[float, int, Settings]] = []
    for place, candidate in enumerate(candidates):
        outcomes = stood(candidate, trials)
        if outcomes:
            found.append((sum(map(figure, outcomes)), place, candidate))
    yield from (candidate for _, _, candidate in sorted(found, key=lambda one: one[:2]))


def _pod_seconds(outcome: Outcome) -> float:
    return outcome.pod_seconds


def _delays(outcome: Outcome) -> float:
    return round(outcome.delay(0.95), 1)


def aims(settings: Settings) -> Iterator[Settings]:
    """Yield every target, utilization and window, each number aimed for once."""
    known: set[float] = set()
    for target in TARGETS:
        for utilization in UTILIZATIONS:
            one = replace(settings, target=target, utilization=utilization)
            if one.aim not in known:
                known.add(one.aim)
                yield from (replace(one, window=window) for window in WINDOWS)
