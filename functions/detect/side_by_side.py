"""Series of several groups that one detector scores, in one go: calls cost more than rows. Pure."""

from collections.abc import Sequence

import numpy as np

from aiops.detection import Detector, Scores
from functions.detect.group import Group
from functions.detect.outcome import Step


def judge(steps: Sequence[tuple[Group, Step]]) -> None:
    """Score the steps of groups, those that share a detector together, and let them be judged."""
    alike: dict[int, list[tuple[Group, Step]]] = {}
    for group, step in steps:
        alike.setdefault(id(group.detector), []).append((group, step))
    for some in alike.values():
        _score(some[0][0].detector, some)


def _score(detector: Detector, steps: Sequence[tuple[Group, Step]]) -> None:
    states = [group.state(step) for group, step in steps]
    state = np.concatenate(states) if len(states) > 1 else states[0]
    time = np.concatenate([step.time for _, step in steps])
    value = np.concatenate([step.value for _, step in steps])
    scores = detector.score(state, time, value)
    first = 0
    for group, step in steps:
        end = first + len(step.at)
        group.judge(step, _part(scores, first, end), state[first:end])
        first = end


def _part(scores: Scores, first: int, end: int) -> Scores:
    """Return the scores of some rows in a row."""
    if first == 0 and end == len(scores.evidence):
        return scores
    rows = slice(first, end)
    return Scores(
        scores.evidence[rows],
        scores.expected[rows],
        scores.lower[rows],
        scores.upper[rows],
        lambda row: scores.explain(first + row),
    )
