"""Instant and range queries against the Prometheus HTTP API, and against Loki, which has it too.

Source: https://prometheus.io/docs/prometheus/latest/querying/api/#expression-queries and
https://grafana.com/docs/loki/latest/reference/loki-http-api/#query-logs-at-a-single-point-in-time
"""

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from aiops.adapters.access import Access
from aiops.errors import Unavailable

CONNECT_SECONDS = 2.0

CONNECTIONS = 16
"""Kept open to one server; more questions at once than that open more."""

PART_BYTES = 1 << 16
MOST_BYTES = 128 << 20
"""Of an answer; ten thousand series a quarter of an hour long are a tenth of it."""

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


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query found.

    Attributes:
        warnings: Why it may not be all there is: a part of the storage did not answer, say.
        infos: What is worth a look, though nothing is missing.
    """

    samples: tuple[Sample, ...]
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()


class Metrics(Protocol):
    """Somewhere PromQL can be asked."""

    def query(self, promql: str, at: int) -> Answer:
        """Return the vector a query has at a time in unix milliseconds.

        Raises:
            Unavailable: there is no good answer.
        """

    def query_range(self, promql: str, since: int, until: int, step: int) -> Answer:
        """Return the samples a query has from one time to another, every `step` milliseconds.

        Both ends belong to it; a series has at most `MOST_POINTS` samples, which come in order.

        Raises:
            Unavailable: there is no good answer.
        """


@dataclass(frozen=True, slots=True)
class Api:
    """Where a kind of server has the API, and how it wants to be asked.

    Attributes:
        method: POST where it is understood: queries may be longer than an address may be.
    """

    name: str
    path: str
    method: str


PROMETHEUS = Api("Prometheus", "/api/v1", "POST")
LOKI = Api("Loki", "/loki/api/v1", "GET")


class Prometheus:
    """A Prometheus server, or whatever answers like one; threads may share it.

    Args:
        url: Its root, such as `http://prometheus:9090`.
        timeout: Seconds a query may take.
        access: Says who asks.
        api: Which of the APIs it has.
    """

    def __init__(
        self, url: str, timeout: float, access: Access | None = None, api: Api = PROMETHEUS
    ) -> None:
        self._url = f"{url.rstrip('/')}{api.path}"
        self._timeout = timeout
        self._access = access or Access(api.name)
        self._api = api
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=CONNECTIONS))

    def query(self, promql: str, at: int) -> Answer:
        """Return the vector a query has at a time."""
        content = self._ask("query", {"query": promql, "time": _seconds(at)}, "vector")
        return self._read(content, "value", lambda one: [one["value"]])

    def query_range(self, promql: str, since: int, until: int, step: int) -> Answer:
        """Return the samples a query has from one time to another."""
        ends = {"start": _seconds(since), "end": _seconds(until), "step": _seconds(step)}
        content = self._ask("query_range", {"query": promql, **ends}, "matrix")
        return self._read(content, "values", lambda one: one["values"])

    def _ask(self, what: str, given: Mapping[str, str], wanted: str) -> Mapping[str, Any]:
        """Return the answer to a query, whose result has to be of the type that is wanted."""
        name = self._api.name
        status, body = self._send(what, given)
        try:
            content = json.loads(body)
        except ValueError:
            raise Unavailable(f"{name}: status {status}, no JSON") from None
        if not isinstance(content, dict) or content.get("status") != "success":
            reason = content.get("errorType") if isinstance(content, dict) else "no object"
            raise Unavailable(f"{name}: {reason}")
        found = content.get("data")
        kind = found.get("resultType") if isinstance(found, dict) else None
        if kind != wanted:
            raise Unavailable(f"{name}: a {kind} where a {wanted} was expected")
        return content

    def _send(self, what: str, given: Mapping[str, str]) -> tuple[int, bytes]:
        """Return the status and body of the response, both in time or not at all."""
        place = "data" if self._api.method == "POST" else "params"
        options: dict[str, Any] = {place: given, **self._access.transport()}
        options["headers"] = self._access.headers()
        # Where nothing is to be said, a file of the user who runs this would be looked into.
        options["auth"] = self._access.basic() or _as_it_is
        latest = time.monotonic() + self._timeout
        try:
            with self._session.request(
                self._api.method,
                f"{self._url}/{what}",
                timeout=(min(CONNECT_SECONDS, self._timeout), self._timeout),
                allow_redirects=False,
                stream=True,
                **options,
            ) as answer:
                if answer.status_code in {401, 403}:
                    raise Unavailable(f"{self._api.name}: status {answer.status_code}, refused")
                return answer.status_code, self._body(answer, latest)
        except (requests.RequestException, HTTPError, OSError) as error:
            raise Unavailable(f"{self._api.name}: {type(error).__name__}") from None

    def _body(self, answer: requests.Response, latest: float) -> bytes:
        """Return the body as it comes; one that comes byte by byte would reset every time-out."""
        parts, length = [], 0
        while part := answer.raw.read1(PART_BYTES, decode_content=True):
            parts.append(part)
            length += len(part)
            if length > MOST_BYTES:
                raise Unavailable(f"{self._api.name}: more than {MOST_BYTES} bytes")
            if time.monotonic() > latest:
                raise Unavailable(f"{self._api.name}: ReadTimeout")
        return b"".join(parts)

    def _read(self, content: Mapping[str, Any], field: str, points: Callable[[Any], Any]) -> Answer:
        """Return an answer's samples, and what it says about itself."""
        try:
            result = content["data"]["result"]
            samples = tuple(
                Sample(labels, round(float(at) * 1000), _number(value))
                for one in result
                if not _native(one, field)
                for labels in [
                    {name: str(value) for name, value in one["metric"].items() if name != _NAME}
                ]
                for at, value in points(one)
            )
            native = sum(_native(one, field) for one in result)
        except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError):
            raise Unavailable(f"{self._api.name}: an answer of another shape") from None
        infos = _texts(content.get("infos"))
        if native:
            infos = (*infos, f"{native} native histograms are no samples")
        return Answer(samples, _texts(content.get("warnings")), infos)


def loki(url: str, timeout: float, access: Access | None = None) -> Prometheus:
    """Return a Loki server, asked in LogQL for what it counts."""
    return Prometheus(url, timeout, access, LOKI)


_NAME = "__name__"


def _native(one: Any, field: str) -> bool:
    """Return whether an element of a result has a native histogram and nothing else."""
    return field not in one and ("histogram" in one or "histograms" in one)


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _texts(told: Any) -> tuple[str, ...]:
    return tuple(str(one) for one in told) if isinstance(told, list) else ()


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.3f}"


def _number(text: str) -> float:
    """Return a value as Prometheus writes it: `NaN`, `+Inf` and `-Inf` included."""
    try:
        return float(text)
    except ValueError:
        return math.nan
