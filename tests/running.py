"""The whole pipeline on servers of one kind, with a producer and a consumer."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from aiops.clock import Clock, SystemClock
from local.delivery.sinks import Sink
from local.functions import Launch, from_sources
from local.servers.apache_kafka import apache_kafka
from local.servers.kafka import embedded_kafka
from local.servers.redis import OwnRedis, debian_redis, embedded_redis
from local.up import Options, Pipeline


@dataclass(frozen=True, slots=True)
class Running:
    """What a test puts into and looks at."""

    pipeline: Pipeline
    redis: OwnRedis
    producer: KafkaProducer
    consumer: KafkaConsumer


@contextmanager
def running(
    kind: str,
    folder: Path,
    config: str,
    note_server: Callable[[str], None],
    *,
    fsync: str | None = None,
    environ: Mapping[str, str] | None = None,
    backoff_speed: float,
    reads: Mapping[str, int],
    clock: Clock | None = None,
    through: Callable[[Sink], Sink] = lambda sink: sink,
    launch: Launch = from_sources,
) -> Iterator[Running]:
    """Bring a pipeline up on `embedded` or `real` servers; read topics of so many partitions."""
    (folder / "aiops.yaml").write_text(config, encoding="utf-8")
    real = kind == "real"
    server = (debian_redis if real else embedded_redis)(fsync)
    options = Options(
        redis=server,
        kafka=apache_kafka() if real else embedded_kafka(),
        environ={"AIOPS_CONFIG": str(folder), **(environ or {})},
        folder=folder,
        backoff_speed=backoff_speed,
        clock=clock or SystemClock(),
        through=through,
        launch=launch,
    )
    with Pipeline(options) as pipeline:
        where = pipeline.kafka.bootstrap
        note_server(pipeline.kafka.description)
        note_server(pipeline.redis.description)
        producer = KafkaProducer(bootstrap_servers=where)
        consumer = KafkaConsumer(bootstrap_servers=where, auto_offset_reset="earliest")
        consumer.assign([TopicPartition(t, p) for t, n in reads.items() for p in range(n)])
        with closing(producer), closing(consumer):
            yield Running(pipeline, server, producer, consumer)
