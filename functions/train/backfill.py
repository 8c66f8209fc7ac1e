"""History that was before ours, from Prometheus: one series of one query, in pieces."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aiops.adapters.prometheus import MOST_POINTS, Metrics
from aiops.events import SeriesHead
from aiops.history import History
from aiops.queries import Query
from aiops.series import SeriesMap

RATE_WINDOW = "5m"
MOST_PIECES = 3
"""Queries for one history; each may take its time, and a lease has to outlast them."""


@dataclass(frozen=True, slots=True)
class Backfill:
    """Asks for the past of a series the way its present is asked for.

    Attributes:
        queries: Those of `collect`; a metric that none of them has is asked for by its name.
        step: Milliseconds between two points; more where a history would take too many queries.
    """

    metrics: Metrics
    queries: Sequence[Query]
    names: SeriesMap
    step: int

    def read(self, head: SeriesHead, since: int, until: int) -> History:
        """Return the points of a series with `since <= time < until`.

        Raises:
            Unavailable: Prometheus does not answer, or not in time.
        """
        wanted = self.names.read(head)
        promql = self.promql(head)
        step = self.step * max(1, -(-(until - since) // (MOST_PIECES * MOST_POINTS * self.step)))
        start = -(-since // step) * step
        found: dict[int, float] = {}
        while start < until:
            end = min(start + (MOST_POINTS - 1) * step, until - 1)
            for sample in self.metrics.query_range(promql, start, end, step).samples:
                given = SeriesHead(metric=head.metric, labels=dict(sample.labels), kind=head.kind)
                if self.names.read(given) == wanted and math.isfinite(sample.value):
                    found.setdefault(sample.time, sample.value)
            start += MOST_POINTS * step
        times = sorted(time for time in found if since <= time < until)
        return History(np.array(times, dtype=np.int64), np.array([found[t] for t in times]))

    def promql(self, head: SeriesHead) -> str:
        """Return the query for one series: what `collect` asks, but for the labels of that one."""
        asked = next((one.promql for one in self.queries if one.metric == head.metric), None)
        if asked is not None:
            return f"({asked}) and {_only(head.labels)}"
        matchers = ",".join(f"{name}={_quoted(value)}" for name, value in head.labels.items())
        selector = f"{{__name__={_quoted(head.metric)}{',' if matchers else ''}{matchers}}}"
        return f"rate({selector}[{RATE_WINDOW}])" if head.kind == "counter" else selector


def _only(labels: dict[str, str]) -> str:
    """Return what keeps, of a vector, the element with these labels."""
    one = "vector(1)"
    for name, value in labels.items():
        one = f'label_replace({one}, {_quoted(name)}, {_quoted(_literal(value))}, "", "")'
    return f"on ({', '.join(labels)}) {one}"


def _literal(value: str) -> str:
    """Return a replacement that stands for itself: a dollar would refer to a group."""
    return value.replace("$", "$$")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
