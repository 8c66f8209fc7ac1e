"""`aiops record --topics` reads a running broker as far back as it is asked to."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from local.cli import main
from local.overheard import TOPICS
from local.recording import read_recording
from local.servers.apache_kafka import apache_kafka


@pytest.fixture
def broker(tmp_path: Path, note_server: Callable[[str], None]) -> Iterator[str]:
    server = apache_kafka()
    server.start(tmp_path / "kafka")
    server.wait_ready()
    note_server(server.description)
    yield server.bootstrap
    server.stop()


@pytest.mark.kafka
def test_what_was_written_since_then_is_recorded_and_can_be_replayed(
    broker: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    admin = KafkaAdminClient(bootstrap_servers=broker)
    known = set(admin.list_topics())
    admin.create_topics([NewTopic(one, 2, 1) for one in TOPICS if one not in known])
    admin.close()
    now = time.time_ns() // 1_000_000
    producer = KafkaProducer(bootstrap_servers=broker)
    for minute in range(100):
        at = now - (100 - minute) * 60_000
        sample = {"series": [{"metric": "queue", "labels": {"service": "recorded"}}]}
        data = json.dumps({**sample, "samples": [[0, at, minute % 3]]}).encode()
        # Of those before the time that is asked for nothing is to be written.
        stamped = at if minute < 20 else now
        producer.send("metrics", data, timestamp_ms=stamped)
    line = {"time": now, "service": "recorded", "level": "error", "message": "no stock"}
    producer.send("logs", json.dumps(line).encode(), timestamp_ms=now)
    producer.flush(timeout=10)
    producer.close()
    out = tmp_path / "out"
    options = ["--topics", "--since", "10m", "--bootstrap-servers", broker, "--json"]
    assert main(["record", str(out), *options]) == 0
    told = json.loads(capsys.readouterr().out)
    recording = read_recording(out)
    mine = [n for n, one in enumerate(recording.heads) if one.labels.get("service") == "recorded"]
    assert sum(one in mine for one in recording.series.tolist()) == 80
    assert told["lines"] >= 1
    assert any(b"no stock" in one.data for one in recording.told)
    assert main(["replay", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["samples"] == len(recording.time)
