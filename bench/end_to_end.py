"""From a deciding sample on `metrics` to its incident on `incidents`, under steady background.

The whole pipeline of this machine takes part, nothing is pinned: Redis, the broker, four
functions, the delivery between them (which is Python here, not Knative's) and the process that
sends and watches share all cores.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from aiops.errors import AiopsError
from bench.rounds import quantile
from bench.tally import Tally
from local.functions import ROOT
from local.servers.apache_kafka import apache_kafka
from local.servers.kafka import KafkaServer, embedded_kafka
from local.up import Options, Pipeline

CONFIG = """
detect:
  rules:
  - {match: {metric: probe_.*}, detector: static, params: {upper: 100}}
"""
_SECONDS = 240.0


def measure() -> dict[str, float | str]:
    """Return percentiles, and which servers took part.

    Raises:
        ValueError: a probe never became an incident.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        Path(folder, "aiops.yaml").write_text(CONFIG, encoding="utf-8")
        options = Options(kafka=_broker(), environ={"AIOPS_CONFIG": folder}, folder=Path(folder))
        with Pipeline(options) as pipeline:
            detect = Tally(pipeline.folder / "logs" / "aiops-detect-0.log")
            found = _probe(pipeline.kafka.bootstrap)
            accepted = detect.counts()["accepted"]
            counts = pipeline.counts["KafkaSource metrics-to-detect"]
            servers = {
                "end_to_end_redis": pipeline.redis.description,
                "end_to_end_kafka": pipeline.kafka.description,
            }
    if found["missing"] or counts.retried or counts.dead_lettered:
        raise ValueError(f"{len(found['missing'])} probes without an incident; {counts}")
    taken = found["sample_to_incident"]
    return {
        "end_to_end_p50_seconds": quantile(taken, 0.5),
        "end_to_end_p99_seconds": quantile(taken, 0.99),
        "end_to_end_probes": len(taken),
        "end_to_end_background_samples_per_second": accepted / found["seconds"],
        "end_to_end_sample_to_anomaly_p50_seconds": quantile(found["sample_to_anomaly"], 0.5),
        "end_to_end_sample_to_anomaly_p99_seconds": quantile(found["sample_to_anomaly"], 0.99),
        "end_to_end_anomaly_to_incident_p50_seconds": quantile(found["anomaly_to_incident"], 0.5),
        "end_to_end_anomaly_to_incident_p99_seconds": quantile(found["anomaly_to_incident"], 0.99),
        **servers,
    }


def _broker() -> KafkaServer:
    """Return Apache Kafka where it can be had, the embedded broker otherwise."""
    try:
        return apache_kafka()
    except AiopsError:
        return embedded_kafka()


def _probe(bootstrap: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.probing", bootstrap],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        timeout=_SECONDS,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found
