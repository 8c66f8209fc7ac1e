"""The verdict for people: what was done, what it caused, what differs."""

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from local.chaos.verdict import FIRST, Verdict, figures

FUNCTIONS = ("detect", "correlate", "act", "collect")
ROWS = {
    "events sent": ("events",),
    "samples sent": ("samples",),
    "events a second": ("events_per_second",),
    "samples a second": ("samples_per_second",),
    "seconds to settle": ("settling_seconds",),
    "deliveries that ended well": ("delivery", "delivered"),
    "attempts beyond the first": ("delivery", "retried"),
    "made twice": ("delivery", "twice"),
    "made again seconds later": ("delivery", "late"),
    "made again while they still ran": ("delivery", "zombie"),
    "delayed": ("delivery", "delayed"),
    "answers 204": ("answers", "204"),
    "answers 400": ("answers", "400"),
    "answers 500": ("answers", "500"),
    "answers 503": ("answers", "503"),
    "samples known already": ("counted", "detect duplicate"),
    "samples too late for their series": ("counted", "detect late"),
    "anomalies left behind, found by the clock": ("counted", "detect drained"),
    "anomalies known already": ("counted", "correlate duplicate"),
    "snapshots seen already": ("counted", "act stale"),
    "steps another instance was sending": ("counted", "act busy"),
    "calls put off": ("counted", "act deferred"),
    "anomalies": ("anomalies",),
    "incidents": ("incidents",),
    "merged into others": ("merged",),
    "reopened": ("reopened",),
    "distinct steps": ("distinct_steps",),
    "messages": ("messages",),
}
"""What is shown, and where it stands; log lines that a kill cut off are missing."""


def tables(verdict: Verdict) -> tuple[Table, Table, Table]:
    """Return what was done to each part, what happened, and what differs."""
    calm, wild = figures(verdict.calm), figures(verdict.wild)
    return _damage(verdict, wild), _happenings(calm, wild), _differences(verdict)


def summary(verdict: Verdict) -> list[str]:
    """Return what there is to say below the tables."""
    wild = figures(verdict.wild)
    lines = [
        f"{' · '.join(verdict.wild.servers)} · seed {verdict.seed}"
        + (f" · mutation {verdict.mutation}" if verdict.mutation else "")
        + f" · {verdict.took:.0f} s"
    ]
    if verdict.without:
        lines.append(verdict.without)
    if verdict.clean:
        lines.append(f"{wild['kills']} kills, and nothing differs")
        return lines
    for name, some in verdict.differences.items():
        lines += [f"{name}: {one}" for one in some[:FIRST]]
        if len(some) > FIRST:
            lines.append(f"{name}: and {len(some) - FIRST} more")
    return [*lines, f"logs and data of both runs: {verdict.folder}"]


def _damage(verdict: Verdict, wild: Mapping[str, Any]) -> Table:
    rows = _table("done to", "instances", "killed", "workers", "paused", "cut", "replies dropped")
    for function in FUNCTIONS:
        name = f"aiops-{function}"
        link = wild["connections"].get(name, {})
        rows.add_row(
            function,
            str(verdict.wild.instances.get(name, 1)),
            str(wild["kills_of_functions"].get(name, 0)),
            str(wild["kills_of_workers"].get(name, 0)),
            str(wild["pauses"].get(name, 0)),
            str(link.get("cut", 0) + link.get("severed", 0)),
            str(link.get("swallowed", 0)),
        )
    for server in ("redis", "kafka"):
        link = wild["connections"].get(server, {})
        kills, hangs = (wild["outages"].get(f"{server} {kind}", 0) for kind in ("kill", "hang"))
        cut, swallowed = str(link.get("cut", 0)), str(link.get("swallowed", 0))
        rows.add_row(server, "1", f"{kills} + {hangs} hangs", "", "", cut, swallowed)
    return rows


def _happenings(calm: Mapping[str, Any], wild: Mapping[str, Any]) -> Table:
    rows = _table("what happened", "in peace", "under fire")

    def row(what: str, *names: str) -> None:
        found = []
        for run in (calm, wild):
            value: Any = run
            for name in names:
                value = value.get(name, 0)
            found.append(f"{value:,}")
        rows.add_row(what, *found)

    for what, names in ROWS.items():
        row(what, *names)
    return rows


def _differences(verdict: Verdict) -> Table:
    rows = _table("differences in", "found")
    for name, some in verdict.differences.items():
        rows.add_row(name, str(len(some)), style="red" if some else None)
    return rows


def _table(first: str, *others: str) -> Table:
    rows = Table(box=SIMPLE, padding=(0, 2, 0, 0), pad_edge=False)
    rows.add_column(first)
    for name in others:
        rows.add_column(name, justify="right", no_wrap=True)
    return rows
