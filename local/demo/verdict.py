"""How the run ends: the table of faults, the figures, the exit code."""

from dataclasses import dataclass
from statistics import median
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from local.demo import words
from local.demo.picture import Picture
from local.evaluation import Evaluation, Outcome


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run came to.

    Attributes:
        seed: What the scenario was drawn from.
        redis: Which server, in words.
        kafka: Which broker, in words.
        seconds: How long all of it took.
        latency_seconds: Median over incidents of the real time from the publishing of the first
            anomalous sample to the incident on Kafka; None where there is none.
        lost: Events that ended as dead letters, and messages that were refused.
    """

    seed: int
    redis: str
    kafka: str
    seconds: float
    counters: dict[str, int]
    evaluation: Evaluation
    latency_seconds: float | None
    lost: int

    @property
    def good(self) -> bool:
        """Whether every fault was found and rightly blamed, and no event was given up."""
        return self.lost == 0 and all(outcome.right for outcome in self.evaluation.outcomes)

    def to_json(self) -> dict[str, Any]:
        """Return the verdict in JSON's own types."""
        return {
            "good": self.good,
            "seed": self.seed,
            "redis": self.redis,
            "kafka": self.kafka,
            "seconds": round(self.seconds, 1),
            "latency_seconds": self.latency_seconds,
            "counters": self.counters,
            "evaluation": self.evaluation.to_json(),
        }


def latency_of(picture: Picture) -> float | None:
    """Return the median delay in real seconds from a first anomalous sample to the incident."""
    with picture.lock:
        seen = list(picture.appeared.values())
    return median(seen) if seen else None


def table(verdict: Verdict) -> Table:
    """Return the faults and what became of each."""
    rows = Table(box=SIMPLE, padding=(0, 2, 0, 0), pad_edge=False)
    for name in ("began", "fault", "size", "told after", "first suspect", "verdict"):
        right = name in {"size", "told after"}
        rows.add_column(name, justify="right" if right else "left", no_wrap=True)
    for outcome in verdict.evaluation.outcomes:
        rows.add_row(*cells(outcome), style=None if outcome.right else "red")
    return rows


def cells(outcome: Outcome) -> tuple[str, ...]:
    """Return a row of the table."""
    fault, incident, delay = outcome.fault, outcome.incident, outcome.delay_seconds
    suspect = incident.told[0] if incident and incident.told else "-"
    return (
        words.clock(fault.start)[:5],
        f"{fault.kind.replace('_', ' ')} of {fault.service}",
        "-" if fault.magnitude is None else f"{fault.magnitude:.1f}",
        "-" if delay is None else f"{delay:.0f} s",
        suspect,
        "missed" if incident is None else "right" if outcome.right else "wrong",
    )


def summary(verdict: Verdict) -> list[str]:
    """Return what there is to say below the table."""
    figures, counters = verdict.evaluation.all, verdict.counters
    right = sum(outcome.right for outcome in verdict.evaluation.outcomes)
    lines = [
        "size: shift of the series that shows it most, in its robust deviations",
        (
            f"{figures.found} of {figures.faults} faults found, {right} with the right service "
            f"first; {figures.false_incidents_per_hour or 0:.1f} other incidents an hour"
        ),
        (
            f"{counters['samples']:,} samples, {counters['anomalies']} anomalies, "
            f"{counters['messages']} messages sent; retries {counters['retries']}, "
            f"dead letters {counters['dead letters']}"
        ),
    ]
    if verdict.latency_seconds is not None:
        lines.append(
            f"from an anomalous sample on Kafka to its incident on Kafka: "
            f"{verdict.latency_seconds:.2f} s (median, real time)"
        )
    return [
        *lines,
        f"{verdict.redis} · {verdict.kafka} · seed {verdict.seed} · {verdict.seconds:.0f} s",
    ]
