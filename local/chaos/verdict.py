"""What two runs of the same input came to: the figures, the differences, the exit status. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.chaos.compare import Differences, compare, faults
from local.chaos.result import Result

FIRST = 5
"""Differences of a class that are shown."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The end of it.

    Attributes:
        seconds: How long the input takes in real time.
        took: How long all of it took.
        folder: Where logs and data of both runs are.
        without: What could not be done here, and why; empty where all could.
    """

    seed: int
    seconds: float
    took: float
    calm: Result
    wild: Result
    folder: str
    mutation: str = ""
    without: str = ""
    differences: Differences = field(init=False)

    def __post_init__(self) -> None:
        """Compare."""
        found = {f"in peace: {k}": v for k, v in faults(self.calm.outcome).items()}
        found |= compare(self.calm.outcome, self.wild.outcome)
        found |= faults(self.wild.outcome)
        stuck = [f"{name}: {one.unsettled}" for name, one in self._runs() if one.unsettled]
        object.__setattr__(self, "differences", {"not at rest in time": stuck, **found})

    @property
    def clean(self) -> bool:
        """Whether nothing differs."""
        return not any(self.differences.values())

    def to_json(self) -> dict[str, Any]:
        """Return all figures, and the first differences of each class, in JSON's own types."""
        return {
            "clean": self.clean,
            "seed": self.seed,
            "mutation": self.mutation or None,
            "duration_seconds": self.seconds,
            "took_seconds": round(self.took, 1),
            "servers": list(self.wild.servers),
            "without": self.without or None,
            "instances": self.wild.instances,
            "differences": {name: len(some) for name, some in self.differences.items()},
            "first_differences": {n: s[:FIRST] for n, s in self.differences.items() if s},
            **{name: figures(one) for name, one in self._runs()},
            "folder": self.folder,
        }

    def _runs(self) -> tuple[tuple[str, Result], ...]:
        return ("calm", self.calm), ("wild", self.wild)


def figures(result: Result) -> dict[str, Any]:
    """Return what happened in a run."""
    outcome, damage = result.outcome, result.damage
    delivery = {
        name: sum(getattr(one, name) for one in result.delivery.values())
        for name in ("delivered", "retried", "dead_lettered", "lost")
    }
    return {
        "events": result.events,
        "samples": result.samples,
        "events_per_second": round(result.events / max(result.input_seconds, 1e-9), 1),
        "samples_per_second": round(result.samples / max(result.input_seconds, 1e-9), 1),
        "input_seconds": round(result.input_seconds, 1),
        "settling_seconds": round(settling(result.seconds), 1),
        "kills": sum(damage.kills.values()) + sum(damage.worker_kills.values()),
        "kills_of_functions": dict(damage.kills),
        "kills_of_workers": dict(damage.worker_kills),
        "pauses": dict(damage.pauses),
        "outages": dict(damage.outages),
        "receivers_failing": damage.refusals,
        "connections": dict(result.links),
        "delivery": delivery | dict(result.redelivered),
        "answers": answers(outcome.logged),
        "counted": dict(sorted(outcome.logged.items())),
        "anomalies": len(outcome.anomalies),
        "incidents": len(set(outcome.incidents) - set(outcome.redirects)),
        "merged": len(outcome.redirects),
        "reopened": sum(record.generation > 1 for record in outcome.incidents.values()),
        "messages": len(outcome.messages),
        "distinct_steps": len({action.step for action in outcome.actions}),
        "seconds": {name: round(took, 1) for name, took in result.seconds.items()},
    }


def settling(seconds: Mapping[str, float]) -> float:
    """Return how long everything but the input took."""
    return sum(took for phase, took in seconds.items() if not phase.startswith("input"))


def answers(logged: Mapping[str, int]) -> dict[str, int]:
    """Return how often functions answered with each status."""
    found: Counter[str] = Counter()
    for word, amount in logged.items():
        if (status := word.split(" ")[1]).isdecimal():
            found[status] += amount
    return dict(sorted(found.items()))
