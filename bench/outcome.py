"""What a storm came to: figures, bounds, and a table."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from bench.function_log import Requests
from bench.rounds import quantile
from bench.tempest import ANOMALIES, SECONDS

MAX_INCIDENTS = 5
MAX_MESSAGES = 30
MAX_DRAIN_SECONDS = 15.0
MAX_MEBIBYTES = 512
"""What func.yaml allows a function."""

MAX_REQUEST_SECONDS = 20.0
"""What a request may take before it is given up."""

MAX_SLOWER_AFTER = 2.0
"""How many times the latency before may be that after; below a quarter of a second it may."""


@dataclass(slots=True)
class Outcome:
    """What a storm came to; see `figures`."""

    counted: int = 0
    incidents: int = 0
    snapshots: int = 0
    largest_snapshot: int = 0
    sent_in: float = 0.0
    drained_in: float = 0.0
    latencies: dict[str, list[float]] = field(default_factory=dict)
    unanswered: int = 0
    messages: Counter[str] = field(default_factory=Counter)
    retried: int = 0
    lost: int = 0
    requests: dict[str, Requests] = field(default_factory=dict)
    mebibytes: dict[str, float] = field(default_factory=dict)


def figures(outcome: Outcome) -> dict[str, float]:
    """Return the figures of an outcome, flat."""
    found: dict[str, float] = {
        "anomalies": outcome.counted,
        "sent_in_seconds": round(outcome.sent_in, 2),
        "incidents": outcome.incidents,
        "snapshots": outcome.snapshots,
        "largest_snapshot_bytes": outcome.largest_snapshot,
        "messages_about_the_storm": outcome.messages["storm"],
        "messages_about_probes": outcome.messages["probe"],
        "drained_after_seconds": round(outcome.drained_in, 2),
        "retried": outcome.retried,
        "dead_lettered_or_lost": outcome.lost,
        "probes_unanswered": outcome.unanswered,
    }
    for name, latencies in outcome.latencies.items():
        if not latencies:
            continue
        found[f"latency_{name}_p50_seconds"] = round(quantile(latencies, 0.5), 3)
        found[f"latency_{name}_p99_seconds"] = round(quantile(latencies, 0.99), 3)
    for name, requests in outcome.requests.items():
        short = name.removeprefix("aiops-")
        found[f"{short}_requests"] = requests.count
        found[f"{short}_p50_milliseconds"] = requests.quantile(0.5)
        found[f"{short}_slowest_milliseconds"] = requests.quantile(1.0)
        found[f"{short}_mebibytes"] = round(outcome.mebibytes[name], 1)
        for status, count in sorted(requests.refused.items()):
            found[f"{short}_{status}"] = count
    return found


def problems(outcome: Outcome) -> list[str]:
    """Return the bounds that are broken, in words."""
    if not all(outcome.latencies.values()):
        return ["no probe was answered"]
    before, after = (quantile(outcome.latencies[name], 0.99) for name in ("before", "after"))
    slowest = max(one.quantile(1.0) for one in outcome.requests.values()) / 1000
    unnamed = [
        f"{name}: {answer}"
        for name, requests in outcome.requests.items()
        for answer in requests.refused
        if not answer.startswith("503")
    ]
    bounds = {
        f"{outcome.counted} of {ANOMALIES} anomalies arrived": outcome.counted != ANOMALIES,
        f"{outcome.sent_in:.1f} s to send them": outcome.sent_in > SECONDS * 1.1,
        f"{outcome.incidents} incidents": not 0 < outcome.incidents <= MAX_INCIDENTS,
        f"{outcome.messages['storm']} messages about the storm": not (
            0 < outcome.messages["storm"] <= MAX_MESSAGES
        ),
        f"drained after {outcome.drained_in:.1f} s": outcome.drained_in > MAX_DRAIN_SECONDS,
        f"{outcome.lost} events dead-lettered or lost": outcome.lost > 0,
        f"{outcome.unanswered} probes without an incident": outcome.unanswered > 0,
        f"a request of {slowest:.1f} s": slowest > MAX_REQUEST_SECONDS,
        f"{max(outcome.mebibytes.values()):.0f} MiB": (
            max(outcome.mebibytes.values()) > MAX_MEBIBYTES
        ),
        f"latency {after:.2f} s after, {before:.2f} s before": (
            after > max(0.25, MAX_SLOWER_AFTER * before)
        ),
        f"answers {', '.join(unnamed)}": bool(unnamed),
    }
    return [words for words, is_broken in bounds.items() if is_broken]


def show(found: dict[str, dict[str, float]], broken: Sequence[str]) -> None:
    """Print a table, a column per kind of storm."""
    table = Table("", *(f"on {kind}" for kind in found), box=None)
    for name in dict.fromkeys(name for each in found.values() for name in each):
        table.add_row(name.replace("_", " "), *(_text(each.get(name)) for each in found.values()))
    Console(highlight=False).print(table)
    for words in broken:
        print(f"broken: {words}")


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:,g}"
