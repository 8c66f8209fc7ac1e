"""`aiops up`: everything on this machine until Ctrl-C."""

import argparse
import json
import logging
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from aiops.errors import Misconfigured
from local.servers.apache_kafka import apache_kafka
from local.servers.kafka import KafkaServer, choose_kafka, embedded_kafka
from local.servers.redis import RedisServer, choose_redis, debian_redis, embedded_redis
from local.up import Options, Pipeline

_REDIS = {"auto": choose_redis, "embedded": embedded_redis, "debian": debian_redis}
_KAFKA = {"auto": choose_kafka, "embedded": embedded_kafka, "apache": apache_kafka}
_LOOK_SECONDS = 1.0


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("up", help="run the whole pipeline on this machine")
    parser.add_argument("--redis", choices=_REDIS, default="auto", help="default: REDIS_URL or own")
    parser.add_argument(
        "--kafka", choices=_KAFKA, default="auto", help="default: KAFKA_BOOTSTRAP_SERVERS or own"
    )
    parser.add_argument(
        "--config", type=Path, metavar="DIR", default=os.environ.get("AIOPS_CONFIG") or None,
        help="folder with aiops.yaml, default: AIOPS_CONFIG",
    )  # fmt: skip
    parser.add_argument(
        "--runbooks", type=Path, metavar="DIR", default=os.environ.get("RUNBOOK_DIR") or None,
        help="folder with runbooks, default: RUNBOOK_DIR",
    )  # fmt: skip
    parser.add_argument(
        "--generation", metavar="NAME", default=os.environ.get("AIOPS_GENERATION", ""),
        help="prefix of all state, default: AIOPS_GENERATION",
    )  # fmt: skip
    parser.add_argument("--folder", type=Path, metavar="DIR", help="keep logs and data here")
    parser.add_argument(
        "--instances", type=_instances, action="append", default=[], metavar="NAME=N",
        help="processes of a function, such as detect=2",
    )  # fmt: skip
    parser.add_argument(
        "--at", type=_address, action="append", default=[], metavar="NAME=URL",
        help="a function that runs already, such as detect=http://127.0.0.1:8081: deliver to it",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print what is up as one JSON object")


def run(options: argparse.Namespace) -> int:
    """Bring everything up and wait for Ctrl-C or SIGTERM.

    Raises:
        Misconfigured: an object, a func.yaml or a setting is wrong.
        Unavailable: a server or a function does not start.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    signal.signal(signal.SIGTERM, _interrupt)
    if options.config is not None and not options.config.is_dir():
        raise Misconfigured(f"--config: no folder {options.config}")
    if options.runbooks is not None and not options.runbooks.is_dir():
        raise Misconfigured(f"--runbooks: no folder {options.runbooks}")
    redis: RedisServer = _REDIS[options.redis]()
    kafka: KafkaServer = _KAFKA[options.kafka]()
    wanted = Options(
        redis=redis,
        kafka=kafka,
        environ=_environ(options),
        instances=dict(options.instances),
        running=_grouped(options.at),
        folder=options.folder and options.folder.resolve(),
    )
    try:
        with Pipeline(wanted) as pipeline:
            sys.stdout.write(_as_json(pipeline) if options.json else _in_words(pipeline))
            sys.stdout.flush()
            _watch(pipeline)
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
    return 0


def _environ(options: argparse.Namespace) -> dict[str, str]:
    """Return what every function is told."""
    environ = {"AIOPS_GENERATION": options.generation}
    if options.config is not None:
        environ["AIOPS_CONFIG"] = str(options.config.resolve())
    if options.runbooks is not None:
        environ["RUNBOOK_DIR"] = str(options.runbooks.resolve())
    return environ


def _watch(pipeline: Pipeline) -> None:
    """Start functions again that end, until interrupted."""
    while True:
        time.sleep(_LOOK_SECONDS)
        for name in pipeline.restart_ended():
            sys.stderr.write(f"{name} ended by itself and was started again\n")


def _as_json(pipeline: Pipeline) -> str:
    about = {
        "redis": {"url": pipeline.redis.url, "server": pipeline.redis.description},
        "kafka": {"bootstrap": pipeline.kafka.bootstrap, "server": pipeline.kafka.description},
        "functions": pipeline.urls,
        "topics": {each.metadata.name: each.spec.partitions for each in pipeline.manifests.topics},
        "folder": str(pipeline.folder),
    }
    return json.dumps(about) + "\n"


def _in_words(pipeline: Pipeline) -> str:
    topics = (f"{each.metadata.name}({each.spec.partitions})" for each in pipeline.manifests.topics)
    lines = [
        f"Redis      {pipeline.redis.url}  {pipeline.redis.description}",
        f"Kafka      {pipeline.kafka.bootstrap}  {pipeline.kafka.description}",
        f"Topics     {' '.join(topics)}",
        *(
            f"No cluster {each.kind} {each.metadata.name} has nothing to watch here"
            for each in pipeline.manifests.watchers
        ),
        *(f"Function   {name}  {' '.join(urls)}" for name, urls in pipeline.urls.items()),
        f"Logs       {pipeline.folder / 'logs'}",
        "Ctrl-C stops everything.",
    ]
    return "\n".join(lines) + "\n"


def _instances(text: str) -> tuple[str, int]:
    name, _, count = text.partition("=")
    if not name or not count.isdigit() or int(count) < 1:
        raise argparse.ArgumentTypeError(f"expected NAME=N, got {text!r}")
    return _service(name), int(count)


def _address(text: str) -> tuple[str, str]:
    name, _, url = text.partition("=")
    if not name or not url.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"expected NAME=URL, got {text!r}")
    return _service(name), url


def _service(name: str) -> str:
    return name if name.startswith("aiops-") else f"aiops-{name}"


def _grouped(addresses: list[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the addresses of each function, in the order they were given."""
    found: dict[str, list[str]] = {}
    for name, url in addresses:
        found.setdefault(name, []).append(url)
    return found


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Treat SIGTERM as Ctrl-C, so that everything is stopped in order."""
    raise KeyboardInterrupt
