"""Instant queries against the Prometheus HTTP API.

Source: https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import requests

from aiops.errors import Unavailable

CONNECT_SECONDS = 2.0


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


class Prometheus:
    """A Prometheus server, or whatever answers like one.

    Args:
        url: Its root, such as `http://prometheus:9090`.
        timeout: Seconds a query may take.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self._url = f"{url.rstrip('/')}/api/v1/query"
        self._timeout = timeout
        self._session = requests.Session()

    def query(self, promql: str, at: int) -> tuple[Sample, ...]:
        """Return the vector a query has at a time."""
        try:
            answer = self._session.post(
                self._url,
                data={"query": promql, "time": f"{at / 1000:.3f}"},
                timeout=(min(CONNECT_SECONDS, self._timeout), self._timeout),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise Unavailable(f"Prometheus: {type(error).__name__}") from error
        try:
            content = answer.json()
        except requests.JSONDecodeError:
            raise Unavailable(f"Prometheus: status {answer.status_code}, no JSON") from None
        try:
            return _vector(content)
        except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError):
            raise Unavailable("Prometheus: an answer of another shape") from None


def _vector(content: Any) -> tuple[Sample, ...]:
    if not isinstance(content, dict) or content.get("status") != "success":
        reason = content.get("errorType") if isinstance(content, dict) else "no object"
        raise Unavailable(f"Prometheus: {reason}")
    data = content.get("data", {})
    if data.get("resultType") != "vector":
        raise Unavailable(f"Prometheus: a {data.get('resultType')} where a vector was expected")
    return tuple(
        Sample(
            {name: str(value) for name, value in one["metric"].items() if name != "__name__"},
            int(float(one["value"][0]) * 1000),
            _number(one["value"][1]),
        )
        for one in data["result"]
    )


def _number(text: str) -> float:
    """Return a value as Prometheus writes it: `NaN`, `+Inf` and `-Inf` included."""
    try:
        return float(text)
    except ValueError:
        return math.nan
