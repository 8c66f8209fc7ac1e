"""Servers and functions to measure, each on the cores it is told to keep to."""

import itertools
import os
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

from bench.machine import on_cores
from local.func_file import load_functions
from local.functions import ROOT, FunctionProcess, Launch, environment, from_sources
from local.manifests import load
from local.scope import Scope
from local.servers.kafka import KafkaServer, choose_kafka
from local.servers.redis import RedisServer, choose_redis
from local.settings import settings
from local.topics import create_topics

FUNCTIONS = ROOT / "functions"
REFERENCES = ROOT / "bench" / "references"


class World(Scope):
    """Redis and Kafka up inside a `with` block, and functions started on demand.

    Args:
        cores: What the servers may use.
        redis: None: `REDIS_URL`, or the embedded one.
        kafka: None: `KAFKA_BOOTSTRAP_SERVERS`, or the embedded one.
        how: Says how functions are started; from the sources where not given.
    """

    def __init__(
        self,
        cores: Collection[int],
        redis: RedisServer | None = None,
        kafka: KafkaServer | None = None,
        how: Launch = from_sources,
    ) -> None:
        super().__init__()
        self._how = how
        self._cores = cores
        self._manifests = load(ROOT / "knative" / "base")
        self.redis = redis or choose_redis()
        self.kafka = kafka or choose_kafka()
        self._numbers = itertools.count(1)
        self.folder = Path()

    def _bring_up(self) -> None:
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        self.folder.chmod(0o755)  # functions may run as somebody else
        with on_cores(self._cores):
            for name, server in (("redis", self.redis), ("kafka", self.kafka)):
                self._stack.callback(server.stop)
                server.start(self.folder / name)
        self.redis.wait_ready()
        self.kafka.wait_ready()
        create_topics(self.kafka.bootstrap, self._manifests.topics)

    def function(
        self, name: str, cores: Collection[int], environ: Mapping[str, str] | None = None
    ) -> FunctionProcess:
        """Return a function of this project or a reference, up and ready on its cores."""
        process = self.prepared(name, environ)
        self.launch(process, cores)
        process.wait_ready()
        return process

    def prepared(self, name: str, environ: Mapping[str, str] | None = None) -> FunctionProcess:
        """Return a function, not started."""
        folder = next(each / name for each in (FUNCTIONS, REFERENCES) if (each / name).is_dir())
        func = load_functions(folder.parent)[folder]
        number = next(self._numbers)
        values = settings(
            self._manifests, self.redis.url, self.kafka.bootstrap, environ or {}, shell={}
        )
        variables = environment(folder, func, values, self.folder / "mounts")
        log = self.folder / f"{name}-{number}.log"
        return FunctionProcess(folder, func, variables, log, self._how)

    def launch(self, process: FunctionProcess, cores: Collection[int]) -> None:
        """Start a function on its cores; it is stopped with all the rest."""
        self._stack.callback(process.stop)
        with on_cores(cores):
            process.start()


def processor_seconds(pid: int) -> float:
    """Return the processor time a process and its children have used, to a hundredth."""
    ticks = 0
    for each in (pid, *_children(pid)):
        fields = Path(f"/proc/{each}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(each) for each in text.split()]
