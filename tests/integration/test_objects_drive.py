"""What stands in `knative/` is what runs on one machine: other names there are other names here."""

import json
import shutil
import time

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from aiops.adapters.cloudevent import encode
from aiops.batching import Reading, batches
from aiops.errors import Misconfigured
from aiops.events import SeriesHead
from aiops.series import SeriesMap
from local.functions import ROOT
from local.servers.kafka import embedded_kafka
from local.servers.redis import embedded_redis
from local.up import Options, Pipeline

CONFIG = """
detect:
  default: {detector: static, params: {upper: 100}}
"""


@pytest.fixture
def base(tmp_path):
    """Return a copy of the objects, and a way to write other words into it."""
    folder = tmp_path / "base"
    shutil.copytree(ROOT / "knative" / "base", folder)

    def rewrite(file, old, new):
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new), encoding="utf-8")

    return folder, rewrite


def options(tmp_path, folder):
    (tmp_path / "aiops.yaml").write_text(CONFIG, encoding="utf-8")
    work = tmp_path / "work"
    work.mkdir()
    return Options(
        redis=embedded_redis(),
        kafka=embedded_kafka(),
        environ={"AIOPS_CONFIG": str(tmp_path)},
        folder=work,
        manifests=folder,
        backoff_speed=20.0,
    )


def read(bootstrap, topic):
    """Return the first record of a topic, which has to come."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    try:
        consumer.assign(
            [TopicPartition(topic, one) for one in consumer.partitions_for_topic(topic) or ()]
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for found in consumer.poll(200).values():
                return found[0]
    finally:
        consumer.close()
    raise AssertionError(f"nothing came on {topic}")


def test_other_names_of_topics_in_the_objects_are_other_topics_here(base, tmp_path, note_server):
    folder, rewrite = base
    rewrite("kafkatopic.yaml", "name: metrics\n", "name: samples\n")
    rewrite("kafkasource.yaml", "  - metrics\n", "  - samples\n")
    rewrite("kafkatopic.yaml", "name: aiops-dlq\n", "name: given-up\n")
    rewrite("kafkasink.yaml", "topic: aiops-dlq", "topic: given-up")
    now = time.time_ns() // 1_000_000
    head = SeriesHead(metric="latency", labels={"service": "cart"})
    (message,) = batches([Reading(head, now, 250.0)], SeriesMap(), "/test", now)
    key, value, headers = encode(message)
    with Pipeline(options(tmp_path, folder)) as pipeline:
        note_server(pipeline.kafka.description)
        note_server(pipeline.redis.description)
        producer = KafkaProducer(bootstrap_servers=pipeline.kafka.bootstrap)
        producer.send("samples", value, key, headers)
        producer.send("samples", b"[", key, headers)
        producer.flush(30)
        producer.close()
        anomaly = json.loads(read(pipeline.kafka.bootstrap, "anomalies").value)["anomalies"][0]
        assert anomaly["service"] == "cart"
        assert read(pipeline.kafka.bootstrap, "given-up").value == b"["


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("kafkasink.yaml", "name: dlq\n", "name: letters\n", "dlq"),
        ("broker.yaml", "name: control\n", "name: orders\n", "control"),
    ],
)
def test_a_name_that_only_one_side_knows_is_refused_before_anything_starts(
    base, tmp_path, file, old, new, told
):
    folder, rewrite = base
    rewrite(file, old, new)
    with pytest.raises(Misconfigured, match=told), Pipeline(options(tmp_path, folder)):
        pass
