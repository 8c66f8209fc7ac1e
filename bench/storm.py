"""A storm through the whole pipeline: 10 000 anomalies in ten seconds, and what came of them.

Real functions, a real Redis and a real broker, all on this machine. Lonely probes are sent all the
time; how long each takes to become an incident is the latency before, during and after the storm.
Ends with 1 when a bound is broken.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from aiops.adapters.kafka_publisher import KafkaPublisher
from aiops.errors import Unavailable
from bench.function_log import read_requests
from bench.incidents_seen import IncidentsSeen
from bench.outcome import Outcome, figures, problems, show
from bench.probes import PREFIX, Probes
from bench.tempest import ANOMALIES, Anomalies, Samples, Tempest
from local.receiver import Receiver
from local.servers.apache_kafka import apache_kafka
from local.up import Options, Pipeline

BEFORE_SECONDS = 10.0
AFTER_SECONDS = 25.0
PATIENCE_SECONDS = 60.0
PREPARE_SECONDS = 30.0
FUNCTIONS = ("aiops-detect", "aiops-correlate", "aiops-act")


def main() -> int:
    """Run a storm of each kind asked for; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--on", choices=("anomalies", "metrics", "both"), default="both")
    parser.add_argument("--apache", action="store_true", help="Apache Kafka as the broker")
    options = parser.parse_args()
    kinds = ("anomalies", "metrics") if options.on == "both" else (options.on,)
    found: dict[str, dict[str, float]] = {}
    broken: list[str] = []
    for kind in kinds:
        outcome = run(kind, apache=options.apache)
        found[kind] = figures(outcome)
        broken += [f"{kind}: {what}" for what in problems(outcome)]
    if options.json:
        print(json.dumps({**found, "broken": broken}))
    else:
        show(found, broken)
    return 1 if broken else 0


def run(kind: str, *, apache: bool) -> Outcome:
    """Bring the pipeline up, warm it, let the storm pass and look at what is left."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aiops-storm-")))
        receiver = stack.enter_context(Receiver())
        kafka = apache_kafka() if apache else None
        options = Options(environ=receiver.environment, folder=folder, kafka=kafka)
        pipeline = stack.enter_context(Pipeline(options))
        publisher = KafkaPublisher(pipeline.kafka.bootstrap)
        stack.callback(publisher.close)
        made = Anomalies if kind == "anomalies" else Samples
        tempest: Tempest = made(publisher)
        tempest.prepare(pipeline)
        if not _until(lambda: _prepared(pipeline), PREPARE_SECONDS):
            raise Unavailable(f"storm: not prepared in {PREPARE_SECONDS:g} s")
        return _storm(pipeline, receiver, tempest)


def _storm(pipeline: Pipeline, receiver: Receiver, tempest: Tempest) -> Outcome:
    outcome = Outcome()
    with IncidentsSeen(pipeline.kafka.bootstrap) as seen, Probes(tempest.probe) as probes:
        began = time.monotonic()
        time.sleep(BEFORE_SECONDS)
        storm = time.monotonic()
        tempest.blow()
        sent = time.monotonic()
        complete = _until(lambda: _counted(seen) >= ANOMALIES, PATIENCE_SECONDS)
        _until(lambda: _acted(pipeline, seen), PATIENCE_SECONDS)
        drained = time.monotonic()
        time.sleep(AFTER_SECONDS)
        probes.__exit__()
        _until(lambda: all(name in seen.first for name in probes.sent), 5.0)
        for name, span in {
            "before": (began, storm),
            "during": (storm, drained),
            "after": (drained, float("inf")),
        }.items():
            services = probes.between(*span)
            outcome.latencies[name] = [
                seen.first[one] - probes.sent[one] for one in services if one in seen.first
            ]
            outcome.unanswered += sum(one not in seen.first for one in services)
        outcome.counted, outcome.incidents = _counted(seen), len(seen.live("service-"))
        outcome.snapshots = seen.snapshots
        outcome.largest_snapshot = max((one.size for one in seen.latest.values()), default=0)
    outcome.sent_in = sent - storm
    outcome.drained_in = (drained if complete else float("inf")) - sent
    outcome.messages = _messages(receiver)
    _look_at(pipeline, outcome)
    return outcome


def _look_at(pipeline: Pipeline, outcome: Outcome) -> None:
    """Note what delivery counted, what the functions logged and how much memory they took."""
    counts = pipeline.counts.values()
    outcome.retried = sum(one.retried for one in counts)
    outcome.lost = sum(one.dead_lettered + one.lost for one in counts)
    for name in FUNCTIONS:
        (process,) = pipeline.processes[name]
        outcome.requests[name] = read_requests(process.log)
        outcome.mebibytes[name] = _peak_mebibytes(process.pid or 0)


def _counted(seen: IncidentsSeen) -> int:
    """Return how many anomalies of the storm the incidents count."""
    return sum(one.anomalies for one in seen.live("service-"))


def _acted(pipeline: Pipeline, seen: IncidentsSeen) -> bool:
    """Return whether `act` has dealt with every snapshot, give or take what probes bring."""
    return pipeline.counts["KafkaSource incidents-to-act"].delivered >= seen.snapshots - 2


def _prepared(pipeline: Pipeline) -> bool:
    """Return whether `correlate` knows who calls whom."""
    return pipeline.counts["Trigger topology-observed-to-correlate"].delivered > 0


def _messages(receiver: Receiver) -> Counter[str]:
    return Counter(
        "probe" if any(PREFIX in line for line in one.lines) else "storm"
        for one in receiver.messages
    )


def _until(done: Callable[[], bool], seconds: float) -> bool:
    """Wait until something is so, at most so long; return whether it is."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _peak_mebibytes(pid: int) -> float:
    """Return the most memory any of a function's processes had at once."""
    return max(_high_water(each) for each in (pid, *_children(pid)))


def _children(pid: int) -> Iterator[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return map(int, text.split())


def _high_water(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    sys.exit(main())
