"""The whole pipeline on one machine: servers, topics, functions and delivery, up and down."""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aiops.clock import Clock, ScaledClock, SystemClock
from local.delivery.counters import Counts
from local.delivery.run import Delivery, Place
from local.delivery.sinks import Services, Sink
from local.func_file import load_functions
from local.functions import (
    ROOT,
    FunctionProcess,
    Launch,
    Values,
    environment,
    from_sources,
    start_all,
    stop_all,
)
from local.manifests import Manifests, load
from local.running import wait_answering
from local.scope import Scope
from local.servers.kafka import KafkaServer, choose_kafka
from local.servers.redis import RedisServer, choose_redis
from local.settings import settings
from local.topics import create_topics

Urls = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Options:
    """What is brought up, and how.

    Attributes:
        manifests: Folder of the objects.
        functions: Folder of the functions, each with its func.yaml.
        redis: None: `REDIS_URL`, or the embedded one.
        kafka: None: `KAFKA_BOOTSTRAP_SERVERS`, or the embedded one.
        clock: The pipeline's time; a scaled one is handed to the functions.
        environ: Variables for every function, over those of func.yaml.
        instances: Processes per function name such as `aiops-detect`; 1 where not named.
        running: URLs of functions that somebody else runs, per function name: they are waited for
            and delivered to, neither started nor stopped.
        folder: Logs and data go here and stay. None: a temporary folder, which is removed
            after a run without an error.
        backoff_speed: Delivery's back-off passes this much faster.
        tick_clock: The time of PingSources, where it is not the pipeline's.
        addresses: Given the URLs of each function's instances, returns those that delivery uses.
        through: Puts something between delivery and a function.
        launch: Says how functions are started.
    """

    manifests: Path = ROOT / "knative" / "base"
    functions: Path = ROOT / "functions"
    redis: RedisServer | None = None
    kafka: KafkaServer | None = None
    clock: Clock = field(default_factory=SystemClock)
    environ: Mapping[str, str] = field(default_factory=dict)
    instances: Mapping[str, int] = field(default_factory=dict)
    running: Urls = field(default_factory=dict)
    folder: Path | None = None
    backoff_speed: float = 1.0
    tick_clock: Clock | None = None
    addresses: Callable[[Urls], Urls] = lambda urls: urls
    through: Callable[[Sink], Sink] = lambda sink: sink
    launch: Launch = from_sources


class Pipeline(Scope):
    """Everything up inside a `with` block, everything down after it.

    Raises, on entering:
        Misconfigured: an object, a func.yaml or a setting is wrong.
        Unavailable: a server or a function does not start.
    """

    def __init__(self, options: Options | None = None) -> None:
        super().__init__()
        self._options = options or Options()
        self.manifests: Manifests = load(self._options.manifests)
        self.redis: RedisServer = self._options.redis or choose_redis()
        self.kafka: KafkaServer = self._options.kafka or choose_kafka()
        self.folder = self._options.folder or Path(tempfile.mkdtemp(prefix="aiops-"))
        self.processes: dict[str, list[FunctionProcess]] = {}
        self._delivery: Delivery | None = None

    def __exit__(self, *raised: object) -> None:
        """Take everything down: delivery first, servers last."""
        super().__exit__(*raised)
        if self._options.folder is None and raised[0] in {None, KeyboardInterrupt}:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def counts(self) -> dict[str, Counts]:
        """What became of events so far, by source, Trigger and PingSource."""
        return {} if self._delivery is None else self._delivery.counts

    @property
    def urls(self) -> dict[str, list[str]]:
        """URLs of each function's instances."""
        started = {name: [each.url for each in some] for name, some in self.processes.items()}
        return {**{name: [*urls] for name, urls in self._options.running.items()}, **started}

    def restart_ended(self) -> list[str]:
        """Start functions that ended by themselves again, as Kubernetes does; return their names.

        Raises:
            Unavailable: one does not start again.
        """
        ended = [
            (name, process)
            for name, some in self.processes.items()
            for process in some
            if not process.running
        ]
        start_all([process for _, process in ended])
        return [name for name, _ in ended]

    def _bring_up(self) -> None:
        self._start_servers()
        create_topics(self.kafka.bootstrap, self.manifests.topics)
        self.processes = self._processes()
        everyone = [process for some in self.processes.values() for process in some]
        services = Services(self._options.addresses(self.urls))
        place = Place(
            self.manifests,
            services,
            self.kafka.bootstrap,
            self._options.tick_clock or self._options.clock,
            self.kafka.fetch_wait_ms,
            self.kafka.session_ms,
            self._options.through,
        )
        self._delivery = Delivery(place, self._options.backoff_speed)
        self._stack.callback(stop_all, everyone)
        self._stack.callback(self._delivery.stop)
        self._delivery.start()
        start_all(everyone)
        wait_answering(self._options.functions, self._options.running)
        self._delivery.wait_ready()
        self._delivery.release()

    def _start_servers(self) -> None:
        servers: tuple[RedisServer | KafkaServer, ...] = (self.redis, self.kafka)
        for name, server in zip(("redis", "kafka"), servers, strict=True):
            self._stack.callback(server.stop)
            server.start(self.folder / name)
        for server in servers:
            server.wait_ready()

    def _processes(self) -> dict[str, list[FunctionProcess]]:
        values = self._values()
        logs, mounts = self.folder / "logs", self.folder / "mounts"
        found: dict[str, list[FunctionProcess]] = {}
        for folder, func in load_functions(self._options.functions).items():
            if func.name in values.idle or func.name in self._options.running:
                continue
            environ = environment(folder, func, values, mounts)
            found[func.name] = [
                FunctionProcess(
                    folder,
                    func,
                    environ,
                    logs / f"{func.name}-{number}.log",
                    self._options.launch,
                )
                for number in range(self._options.instances.get(func.name, 1))
            ]
        return found

    def _values(self) -> Values:
        clock = self._options.clock
        scaled = {"AIOPS_CLOCK": str(clock)} if isinstance(clock, ScaledClock) else {}
        environ = scaled | dict(self._options.environ)
        return settings(
            self.manifests, self.redis.url, self.kafka.bootstrap, environ, shell=os.environ
        )
