"""Instant and range queries against the Prometheus HTTP API.

Source: https://prometheus.io/docs/prometheus/latest/querying/api/#expression-queries
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import requests

from aiops.errors import Unavailable

CONNECT_SECONDS = 2.0

MOST_POINTS = 11_000
"""Points of one series that one range query returns at most.

Source: prometheus/web/api/v1, "exceeded maximum resolution of 11,000 points per timeseries".
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """One series of a query's result.

    Attributes:
        time: Unix milliseconds.
        value: NaN and infinities as Prometheus gave them.
    """

    labels: Mapping[str, str]
    time: int
    value: float


class Metrics(Protocol):
    """Somewhere PromQL can be asked."""

    def query(self, promql: str, at: int) -> tuple[Sample, ...]:
        """Return the vector a query has at a time in unix milliseconds.

        Raises:
            Unavailable: there is no good answer.
        """

    def query_range(self, promql: str, since: int, until: int, step: int) -> tuple[Sample, ...]:
        """Return the samples a query has from one time to another, every `step` milliseconds.

        Both ends belong to it; a series has at most `MOST_POINTS` samples, which come in order.

        Raises:
            Unavailable: there is no good answer.
        """


class Prometheus:
    """A Prometheus server, or whatever answers like one.

    Args:
        url: Its root, such as `http://prometheus:9090`.
        timeout: Seconds a query may take.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self._url = f"{url.rstrip('/')}/api/v1"
        self._timeout = timeout
        self._session = requests.Session()

    def query(self, promql: str, at: int) -> tuple[Sample, ...]:
        """Return the vector a query has at a time."""
        found = self._ask("query", {"query": promql, "time": _seconds(at)}, "vector")
        return _read(found, lambda one: [one["value"]])

    def query_range(self, promql: str, since: int, until: int, step: int) -> tuple[Sample, ...]:
        """Return the samples a query has from one time to another."""
        ends = {"start": _seconds(since), "end": _seconds(until), "step": _seconds(step)}
        found = self._ask("query_range", {"query": promql, **ends}, "matrix")
        return _read(found, lambda one: one["values"])

    def _ask(self, what: str, data: Mapping[str, str], wanted: str) -> Any:
        """Return the result of a query, which has to be of the type that is wanted."""
        try:
            answer = self._session.post(
                f"{self._url}/{what}",
                data=data,
                timeout=(min(CONNECT_SECONDS, self._timeout), self._timeout),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise Unavailable(f"Prometheus: {type(error).__name__}") from error
        try:
            content = answer.json()
        except requests.JSONDecodeError:
            raise Unavailable(f"Prometheus: status {answer.status_code}, no JSON") from None
        if not isinstance(content, dict) or content.get("status") != "success":
            reason = content.get("errorType") if isinstance(content, dict) else "no object"
            raise Unavailable(f"Prometheus: {reason}")
        found = content.get("data")
        kind = found.get("resultType") if isinstance(found, dict) else None
        if not isinstance(found, dict) or kind != wanted:
            raise Unavailable(f"Prometheus: a {kind} where a {wanted} was expected")
        return found.get("result")


def _read(result: Any, points: Callable[[Any], Any]) -> tuple[Sample, ...]:
    try:
        return tuple(
            Sample(labels, int(float(at) * 1000), _number(value))
            for one in result
            for labels in [
                {name: str(value) for name, value in one["metric"].items() if name != "__name__"}
            ]
            for at, value in points(one)
        )
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError):
        raise Unavailable("Prometheus: an answer of another shape") from None


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.3f}"


def _number(text: str) -> float:
    """Return a value as Prometheus writes it: `NaN`, `+Inf` and `-Inf` included."""
    try:
        return float(text)
    except ValueError:
        return math.nan
