"""Rounds in which all ways of doing the same work take turns, so that a busy moment hits all."""

import statistics
from collections.abc import Callable, Mapping, Sequence

ROUNDS = 5
Way = Callable[[int], float]
"""Does a round, by its number, and returns what it measured."""


def taking_turns(ways: Mapping[str, Way], rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Return what every way measured in every round; each round begins with another way."""
    names = list(ways)
    found: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        shift = number % len(names)
        for name in (*names[shift:], *names[:shift]):
            found[name].append(ways[name](number))
    return found


def medians(found: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return the median of every way."""
    return {name: statistics.median(each) for name, each in found.items()}


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that a share of all values does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-int(len(ordered) * share * 1_000_000) // 1_000_000) - 1)]
