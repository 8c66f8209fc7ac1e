"""The run: servers up, history in, faults in, everything watched, the verdict at the end."""

import secrets
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from aiops.action_log import ActionRecord
from aiops.adapters.keys import Keys
from aiops.adapters.redis_action_log import RedisActionLog
from aiops.adapters.redis_client import connect
from aiops.clock import ScaledClock
from aiops.events import Incident
from local.demo.live import Live, Place
from local.demo.picture import Picture
from local.demo.verdict import Verdict, latency_of
from local.demo.views import View
from local.demo.words import counters
from local.evaluation import evaluate
from local.explain.recorded import Told, explained, worth_a_page, write_pages
from local.receiver import Receiver
from local.recording import Recording, read_recording
from local.scenario.generate import FAULTS_FROM_MS, generate
from local.scenario.recording import write
from local.up import Options, Pipeline

RATE = 120.0
"""How many of the shop's seconds pass in one real second."""

LEAD_SECONDS = 14.0
"""Real seconds in which everything is up and the history through before the last hours begin."""


def run(seed: int, view: View, pages: Path | None = None) -> Verdict:
    """Draw a scenario, run it through the pipeline and judge what came of it.

    Args:
        seed: Another number, another scenario.
        view: Shows what goes on.
        pages: Where a page for each incident people were told of is left; None for none.

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
        # State of its own, should the Redis be one that others use.
        generation = f"demo{secrets.token_hex(4)}"
        options = Options(
            clock=clock, environ={**receiver.environment, "AIOPS_GENERATION": generation}
        )
        with Pipeline(options) as pipeline:
            servers = pipeline.redis.description, pipeline.kafka.description
            picture.servers = " · ".join(servers)
            Live(Place(pipeline, receiver, clock), recording, picture, view).run()
            told = worth_a_page(picture.incidents.values(), FAULTS_FROM_MS)
            known = Told(told, responses=_responses(pipeline.redis.url, generation, told))
            picture.phase = "stopping"
            view.show(picture)
    if pages is not None:
        for stale in pages.glob("*.html"):
            stale.unlink()
        write_pages(explained([recording], known), pages)
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


def _responses(
    redis_url: str, generation: str, incidents: Iterable[Incident]
) -> dict[str, ActionRecord]:
    """Return what was planned and sent of incidents."""
    log = RedisActionLog(connect(redis_url), Keys(f"{generation}:"))
    found = ((one.id, log.read(one.id)) for one in incidents)
    return {name: record for name, record in found if record is not None}


def _draw(seed: int) -> Recording:
    with tempfile.TemporaryDirectory(prefix="aiops-demo-") as folder:
        write(generate(seed), Path(folder))
        return read_recording(Path(folder))
