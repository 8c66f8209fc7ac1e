"""Where a run takes place: servers, proxies, functions, receiver, all up or all down."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.chaos.clock import InputClock
from local.chaos.links import Links
from local.chaos.outages import Server
from local.chaos.redelivery import Redelivery
from local.chaos.timeline import Timeline
from local.functions import ROOT
from local.receiver import Receiver
from local.scope import Scope
from local.servers.apache_kafka import ApacheKafka, apache_kafka
from local.servers.kafka import TansuBroker, embedded_kafka
from local.servers.redis import OwnRedis, debian_redis
from local.up import Options, Pipeline, Urls

INSTANCES = {"aiops-detect": 3, "aiops-correlate": 3, "aiops-act": 3, "aiops-collect": 2}
RETRIES = {"retry: 5": "retry: 9", "backoffDelay: PT0.5S": "backoffDelay: PT0.1S"}
"""Retries begin sooner than in `knative/base`, and go on for longer: for 100 s instead of 31.

Five of them are too few now and then where the network itself never comes to rest, and what they do
not outlast is a dead letter, there as here.
"""

CONFIG = """
detect:
  rules:
  - {{match: {{metric: ".*_ratio"}}, detector: static, params: {{upper: 100}}}}
correlate:
  group_wait: {tell_after}
  group_series: 1000
  resolve_after: {resolve_after}
  recur_within: 200
  topology_delay: 0
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a run is made with.

    Attributes:
        embedded: Use the broker of the wheel, which forgets everything when it is killed.
        environ: Variables for every function.
    """

    seed: int
    timeline: Timeline
    folder: Path
    embedded: bool = False
    environ: Mapping[str, str] = field(default_factory=dict)


class Stage(Scope):
    """Everything up inside a `with` block.

    Raises, on entering:
        Misconfigured: an object, a func.yaml or a setting is wrong.
        Unavailable: a server or a function does not start.

    Attributes:
        servers: Those that may be hurt, with the folder they are started in.
        links: Proxies and the names of their links.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self.setting = setting
        self.clock = InputClock(setting.timeline.start)
        self.redelivery = Redelivery(setting.seed)
        self.receiver = Receiver()
        self.redis: OwnRedis = debian_redis("always")
        self.kafka: ApacheKafka | TansuBroker = (
            embedded_kafka() if setting.embedded else apache_kafka()
        )
        folder = setting.folder
        self.servers: dict[str, tuple[Server, Path]] = {"redis": (self.redis, folder / "redis")}
        self.links: dict[Links, tuple[str, ...]] = {}
        self._outer = self._servers_behind_a_proxy()
        self.pipeline = self._pipeline()

    def _bring_up(self) -> None:
        for part in (self.receiver, self._outer, self.pipeline):
            self._stack.enter_context(part)

    def _servers_behind_a_proxy(self) -> Links:
        behind = {"redis": [self.redis.url]}
        if isinstance(self.kafka, ApacheKafka):
            behind["kafka"] = [self.kafka.behind]
            self.servers["kafka"] = (self.kafka, self.setting.folder / "kafka")
        links = Links(behind, self.setting.seed, self.setting.folder / "logs" / "proxy-servers")
        if isinstance(self.kafka, ApacheKafka):
            self.kafka.stands_behind(links.address("kafka"))
        self.links[links] = tuple(behind)
        return links

    def _pipeline(self) -> Pipeline:
        folder = self.setting.folder
        folder.mkdir(parents=True, exist_ok=True)
        times = self.setting.timeline
        config = CONFIG.format(
            tell_after=times.tell_after // 1000, resolve_after=times.resolve_after // 1000
        )
        (folder / "aiops.yaml").write_text(config, encoding="utf-8")
        environ = {
            **self.receiver.environment,
            **self.setting.environ,
            "AIOPS_CONFIG": str(folder),
            "REDIS_URL": f"redis://{self._outer.address('redis')}/0",
        }
        if isinstance(self.kafka, ApacheKafka):
            environ["KAFKA_BOOTSTRAP_SERVERS"] = self._outer.address("kafka")
        return Pipeline(
            Options(
                redis=self.redis,
                kafka=self.kafka,
                environ=environ,
                instances=INSTANCES,
                folder=folder,
                manifests=self._manifests(),
                tick_clock=self.clock,
                addresses=self._functions_behind_a_proxy,
                through=self.redelivery.through,
            )
        )

    def _manifests(self) -> Path:
        """Write the objects once more, with other retries; return the folder."""
        folder = self.setting.folder / "objects"
        shutil.copytree(ROOT / "knative" / "base", folder)
        for file in folder.glob("*.yaml"):
            text = file.read_text(encoding="utf-8")
            for known, wanted in RETRIES.items():
                text = text.replace(known, wanted)
            file.write_text(text, encoding="utf-8")
        return folder

    def _functions_behind_a_proxy(self, urls: Urls) -> Urls:
        log = self.setting.folder / "logs" / "proxy-functions"
        links = self._stack.enter_context(Links(urls, self.setting.seed + 1, log))
        self.links[links] = tuple(urls)
        return {name: [f"http://{links.address(name)}"] for name in urls}
