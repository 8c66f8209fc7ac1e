"""Apache Kafka itself: one KRaft node as a child process."""

import base64
import os
import shutil
import subprocess
import uuid
from pathlib import Path

from aiops.errors import Misconfigured, Unavailable
from local.servers.fetch_kafka import KAFKA_VERSION, fetch
from local.servers.kafka import FETCH_WAIT_MS, SESSION_MS
from local.servers.own import OwnServer
from local.servers.process import ChildProcess, free_ports, listens

_READY_SECONDS = 60.0
_JVM = ("-Xmx512m", "-Xms128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""A small heap, and no time spent on optimising what runs for a minute."""

_PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},BEHIND://{behind},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker},BEHIND://{before}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,BEHIND:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=3
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
"""


class ApacheKafka(OwnServer):
    """Apache Kafka in KRaft mode on free ports of 127.0.0.1; needs Java 17 and the jars.

    Args:
        jars: Its folder of jars.
        java: The program.
        more: Further properties; of two of a name the later counts.

    Attributes:
        behind: A second address of its own, for a proxy to lead to; see `stands_behind`.
    """

    name = "kafka"

    def __init__(self, jars: Path, java: str, more: str = "") -> None:
        super().__init__()
        self._broker, behind, self._controller = free_ports(3)
        self.behind = self._before = f"127.0.0.1:{behind}"
        self._java = java
        self._classpath = f"{jars}/*"
        self._more = more
        self.bootstrap = f"127.0.0.1:{self._broker}"
        self.fetch_wait_ms = FETCH_WAIT_MS
        self.session_ms = SESSION_MS
        self.description = f"Apache Kafka {KAFKA_VERSION} (KRaft)"

    def stands_behind(self, proxy: str) -> None:
        """Tell whoever comes by `behind` to come back by the proxy, `host:port`; before `start`."""
        self._before = proxy

    def start(self, folder: Path) -> None:
        """Format the storage in `folder` unless it is, and start; starting again keeps the data.

        Raises:
            Unavailable: the storage could not be formatted.
        """
        folder.mkdir(parents=True, exist_ok=True)
        data, properties = folder / "kafka-data", folder / "server.properties"
        text = (_PROPERTIES + self._more).format(
            broker=self._broker,
            controller=self._controller,
            behind=self.behind,
            before=self._before,
            data=data,
        )
        properties.write_text(text, encoding="utf-8")
        if not (data / "meta.properties").exists():
            self._format(properties)
        options = (*_JVM, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
        command = [self._java, *options, "-cp", self._classpath, "kafka.Kafka", str(properties)]
        environ = {name: value for name, value in os.environ.items() if name != "CLASSPATH"}
        self._child = ChildProcess(self.name, command, folder / "kafka.log", environ)
        self._child.start()

    def wait_ready(self) -> None:
        """Return once it listens.

        Raises:
            Unavailable: it ended, or is not ready in time.
        """
        self._wait_until(lambda: listens(self._broker), _READY_SECONDS)

    def _format(self, properties: Path) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        done = subprocess.run(
            [self._java, *_JVM, "-cp", self._classpath, "kafka.tools.StorageTool", "format",
             "--cluster-id", f"0{cluster[1:]}", "--config", str(properties)],
            capture_output=True, text=True, timeout=_READY_SECONDS, check=False,
        )  # fmt: skip
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip())[-300:]
            raise Unavailable(f"kafka: storage not formatted ({done.returncode}): {said}")


def apache_kafka(more: str = "") -> ApacheKafka:
    """Return Apache Kafka, fetched first where it is not in the cache.

    Args:
        more: Further properties.

    Raises:
        Misconfigured: there is no `java`, or no `mvn` to fetch with.
        Unavailable: it could not be fetched.
    """
    java = shutil.which("java")
    if java is None:
        raise Misconfigured("java: not on the PATH; Apache Kafka needs Java 17")
    return ApacheKafka(fetch(), java, more)
