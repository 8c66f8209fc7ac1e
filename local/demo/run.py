"""The run: servers up, history in, faults in, everything watched, the verdict at the end."""

import secrets
import tempfile
import time
from pathlib import Path

from aiops.clock import ScaledClock
from local.demo.live import Live, Place
from local.demo.picture import Picture
from local.demo.verdict import Verdict, latency_of
from local.demo.views import View
from local.demo.words import counters
from local.evaluation import evaluate
from local.receiver import Receiver
from local.recording import Recording, read_recording
from local.scenario.generate import FAULTS_FROM_MS, generate
from local.scenario.recording import write
from local.up import Options, Pipeline

RATE = 120.0
"""How many of the shop's seconds pass in one real second."""

LEAD_SECONDS = 14.0
"""Real seconds in which everything is up and the history through before the last hours begin."""


def run(seed: int, view: View) -> Verdict:
    """Draw a scenario, run it through the pipeline and judge what came of it.

    Raises:
        Misconfigured: an object, a func.yaml or a setting is wrong.
        Unavailable: a server or a function does not start, or stops answering.
    """
    began = time.monotonic()
    recording = _draw(seed)
    origin = FAULTS_FROM_MS / 1000 - LEAD_SECONDS * RATE
    clock = ScaledClock.parse(f"{time.time()},{origin},{RATE}")
    picture = Picture(rate=RATE, judged_from=FAULTS_FROM_MS)
    with Receiver() as receiver, view:
        view.show(picture)
        options = Options(
            clock=clock,
            # State of its own, should the Redis be one that others use.
            environ={**receiver.environment, "AIOPS_GENERATION": f"demo{secrets.token_hex(4)}"},
        )
        with Pipeline(options) as pipeline:
            servers = pipeline.redis.description, pipeline.kafka.description
            picture.servers = " · ".join(servers)
            Live(Place(pipeline, receiver, clock), recording, picture, view).run()
            picture.phase = "stopping"
            view.show(picture)
    start, end = int(recording.time.min()), int(recording.time.max())
    return Verdict(
        seed=seed,
        redis=servers[0],
        kafka=servers[1],
        seconds=time.monotonic() - began,
        counters=counters(picture),
        evaluation=evaluate(picture.incidents.values(), recording.faults, start, end),
        latency_seconds=latency_of(picture),
        lost=picture.flow.dead_letters + picture.flow.refused,
    )


def _draw(seed: int) -> Recording:
    with tempfile.TemporaryDirectory(prefix="aiops-demo-") as folder:
        write(generate(seed), Path(folder))
        return read_recording(Path(folder))
