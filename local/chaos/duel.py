"""The same input twice: once in peace, once under fire."""

import logging
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from aiops.errors import Misconfigured, Unavailable
from local.chaos.mutations import environment
from local.chaos.result import Result
from local.chaos.run import Say, play
from local.chaos.stage import Setting
from local.chaos.timeline import Timeline
from local.chaos.verdict import Verdict
from local.chaos.workload import Workload
from local.servers.apache_kafka import apache_kafka

TOGETHER_IN_PEACE = 10
"""Twenty seconds of samples in one go: nothing may depend on how they are batched."""

PATIENCE_SECONDS = 120.0
PATIENCE_WITH_A_MUTATION_SECONDS = 90.0
"""How long a phase may get no nearer to rest. What a mutation lost is waited for in vain."""


class Duel:
    """Runs of one seed; the one in peace is made once.

    Args:
        seed: What input and damage are drawn from.
        seconds: How long the input takes in real time.
        say: Told of the phase, again and again.
    """

    def __init__(self, seed: int, seconds: float, say: Say) -> None:
        self._seed = seed
        self._seconds = seconds
        self._say = say
        self._timeline = Timeline.before(time.time_ns() // 1_000_000, seconds)
        self.folder = Path(tempfile.mkdtemp(prefix="aiops-chaos-"))
        self.without = _without_apache()
        self._calm: Result | None = None

    def fight(self, mutation: str = "") -> Verdict:
        """Return what came of it, the functions mutated while under fire.

        Raises:
            Misconfigured: an object, a func.yaml or a setting is wrong.
            Unavailable: a server or a function does not start, or stops answering.
        """
        began = time.monotonic()
        if self._calm is None:
            self._calm = self._play("calm", {}, wild=False, patience=PATIENCE_SECONDS)
        patience = PATIENCE_WITH_A_MUTATION_SECONDS if mutation else PATIENCE_SECONDS
        environ = environment(mutation) if mutation else {}
        wild = self._play(mutation or "wild", environ, wild=True, patience=patience)
        return Verdict(
            seed=self._seed,
            seconds=self._seconds,
            took=time.monotonic() - began,
            calm=self._calm,
            wild=wild,
            folder=str(self.folder),
            mutation=mutation,
            without=self.without,
        )

    def _play(
        self, name: str, environ: Mapping[str, str], *, wild: bool, patience: float
    ) -> Result:
        folder = self.folder / name
        folder.mkdir()
        log = logging.FileHandler(folder / "delivery.log")
        log.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        root = logging.getLogger("local")
        root.addHandler(log)
        setting = Setting(
            self._seed, self._timeline, folder, embedded=bool(self.without), environ=environ
        )
        workload = Workload(self._seed, together=1 if wild else TOGETHER_IN_PEACE)
        try:
            return play(setting, workload, wild=wild, patience=patience, say=self._say)
        finally:
            root.removeHandler(log)
            log.close()


def _without_apache() -> str:
    """Return why there is no Apache Kafka here, empty where there is."""
    try:
        apache_kafka()
    except (Misconfigured, Unavailable) as error:
        return f"without restarts of the broker, on the one that comes in a wheel: {error}"
    return ""
