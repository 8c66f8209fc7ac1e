"""How well incidents explain faults, over several recordings, as lines of a table."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from statistics import median

from bench.tape import Tape
from local.evaluation import Evaluation, Figures, Outcome
from local.recording import Recording

SETTLED_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a table; see `local.evaluation.Figures`."""

    name: str
    faults: int
    found: int
    recall_at_1: float
    recall_at_3: float
    final_recall_at_1: float
    final_recall_at_3: float
    incidents_per_found_fault: float
    faults_per_incident: float
    false_incidents_per_hour: float
    median_delay_samples: float


@dataclass(frozen=True, slots=True)
class Part:
    """What one recording adds to a line."""

    outcomes: Sequence[Outcome]
    figures: Figures
    hours: float
    step: float


def part(tape: Tape, found: Evaluation, *, settled: bool) -> Part:
    """Return what one recording says of these incidents; where asked, of its first hour nothing."""
    since = tape.began + (SETTLED_MS if settled else 0)
    return Part(
        [one for one in found.outcomes if one.fault.start >= since],
        found.after_first_hour if settled else found.all,
        (tape.ended - since) / 3_600_000,
        _step(tape.recording) / 1000,
    )


def _step(recording: Recording) -> float:
    """Return the milliseconds from sample to sample of one of its series."""
    stamps = sorted(set(recording.time[recording.series == 0].tolist()))
    return float(median(after - before for before, after in pairwise(stamps)))


def pooled(name: str, parts: Sequence[Part]) -> Line:
    """Return the figures over all parts, each weighted by what it is counted in."""
    outcomes = [one for part in parts for one in part.outcomes]
    hours = sum(part.hours for part in parts)
    owned = [sum(one.incidents for one in part.outcomes) for part in parts]
    delays = [
        one.delay_seconds / part.step
        for part in parts for one in part.outcomes if one.delay_seconds is not None
    ]  # fmt: skip
    return Line(
        name=name,
        faults=len(outcomes),
        found=len(delays),
        recall_at_1=_share(outcomes, 1, final=False),
        recall_at_3=_share(outcomes, 3, final=False),
        final_recall_at_1=_share(outcomes, 1, final=True),
        final_recall_at_3=_share(outcomes, 3, final=True),
        incidents_per_found_fault=sum(owned) / max(1, len(delays)),
        faults_per_incident=sum(
            count * (part.figures.faults_per_incident or 0.0)
            for count, part in zip(owned, parts, strict=True)
        ) / max(1, sum(owned)),
        false_incidents_per_hour=sum(
            (part.figures.false_incidents_per_hour or 0.0) * part.hours for part in parts
        ) / hours,
        median_delay_samples=median(delays) if delays else 0.0,
    )  # fmt: skip


def _share(outcomes: Sequence[Outcome], first: int, *, final: bool) -> float:
    return sum(one.blames(first, final=final) for one in outcomes) / len(outcomes)


def table(lines: Sequence[Line]) -> str:
    """Return the lines as a table in Markdown."""
    heads = (
        "", "faults", "found", "@1", "@3", "@1 in the end", "@3 in the end",
        "incidents a found fault", "faults an incident", "false an hour", "delay, samples",
    )  # fmt: skip
    return "\n".join(
        f"| {' | '.join(row)} |" for row in (heads, ("---",) * len(heads), *map(_cells, lines))
    )


def _cells(line: Line) -> tuple[str, ...]:
    values = list(asdict(line).values())
    return (*map(str, values[:3]), *(f"{value:.2f}" for value in values[3:]))
