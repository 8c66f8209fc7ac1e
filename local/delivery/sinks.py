"""Where events go: a function over HTTP, or a topic as a KafkaSink produces to it."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import urllib3
from kafka import KafkaProducer
from kafka.errors import KafkaError

from local.delivery.cloudevent import CloudEvent, to_http, to_record
from local.delivery.policy import Answer

_READ_BYTES = 1 << 20
_PRODUCE_SECONDS = 10.0


class Sink(Protocol):
    """Takes one event and answers."""

    @property
    def destination(self) -> str:
        """Where it is, as `knativeerrordest` names it."""

    def send(self, event: CloudEvent, timeout: float) -> Answer:
        """Make one attempt within `timeout` seconds; never raises."""


class Services:
    """Addresses of functions by Service name; several instances take turns.

    Args:
        urls: Base URLs of each Service's instances.
    """

    def __init__(self, urls: Mapping[str, Sequence[str]]) -> None:
        self._urls = {name: tuple(each) for name, each in urls.items()}
        self._turns = dict.fromkeys(self._urls, 0)
        self._lock = threading.Lock()

    def __contains__(self, name: str) -> bool:
        """Whether there is an instance of this Service."""
        return bool(self._urls.get(name))

    def next_url(self, name: str) -> str:
        """Return the base URL of the instance whose turn it is."""
        urls = self._urls[name]
        with self._lock:
            turn = self._turns[name]
            self._turns[name] = (turn + 1) % len(urls)
        return urls[turn]


class HttpSink:
    """Posts events in binary mode, one a request, as the Kafka data plane does."""

    def __init__(
        self,
        destination: str,
        next_url: Callable[[], str],
        namespace: str,
        connections: urllib3.PoolManager,
    ) -> None:
        self.destination = destination
        self._next_url = next_url
        self._namespace = namespace
        self._pool = connections

    def send(self, event: CloudEvent, timeout: float) -> Answer:
        """Post the event."""
        headers = to_http(event)
        headers["Prefer"] = "reply"
        headers["Kn-Namespace"] = self._namespace
        try:
            response = self._pool.urlopen(
                "POST",
                self._next_url(),
                body=event.data or b"",
                headers=headers,
                timeout=urllib3.Timeout(total=timeout),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            body = response.read(_READ_BYTES)
            if not response.closed:  # more than we read: this connection is of no further use
                response.close()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            return Answer(None, problem=f"{type(error).__name__}: {error}")
        answered = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, answered, body)


class TopicSink:
    """Produces events to a topic and answers 202 once they are acknowledged, 503 otherwise."""

    def __init__(self, destination: str, topic: str, producer: "LazyProducer") -> None:
        self.destination = destination
        self._topic = topic
        self._producer = producer

    def send(self, event: CloudEvent, timeout: float) -> Answer:
        """Produce the event and wait for the acknowledgement."""
        key, value, headers = to_record(event)
        try:
            future = self._producer.connected().send(
                self._topic, value=value, key=key, headers=headers
            )
            future.get(timeout=min(timeout, _PRODUCE_SECONDS))
        except (KafkaError, AssertionError, ValueError) as error:
            return Answer(503, body=f"{type(error).__name__}: {error}".encode())
        return Answer(202)


class LazyProducer:
    """One producer for all topics, connected when the first event needs it."""

    def __init__(self, bootstrap: str) -> None:
        self._servers = bootstrap.split(",")
        self._producer: KafkaProducer | None = None
        self._lock = threading.Lock()

    def connected(self) -> KafkaProducer:
        """Return the producer.

        Raises:
            KafkaError: the broker does not answer.
        """
        with self._lock:
            if self._producer is None:
                self._producer = KafkaProducer(
                    bootstrap_servers=self._servers,
                    acks="all",
                    request_timeout_ms=5_000,
                    delivery_timeout_ms=9_000,
                    max_block_ms=5_000,
                    bootstrap_timeout_ms=5_000,
                    reconnect_backoff_max_ms=1_000,
                )
            return self._producer

    def close(self) -> None:
        """Disconnect."""
        with self._lock:
            if self._producer is not None:
                self._producer.close(timeout=2)
                self._producer = None
