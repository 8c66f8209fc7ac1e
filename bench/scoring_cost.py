"""What a sample costs to be scored in a batch of 500, by the baseline alone and with models."""

import statistics
import time
from dataclasses import replace

import numpy as np

from aiops.artefact import Artefact
from aiops.history import History
from aiops.plugins import load
from bench.fits import DAYS, NOW, STEP_MS, made_up
from functions.detect.config import Rule
from functions.detect.fitted import Fleet, Shelf, Wanted
from functions.detect.judge import Judge
from functions.detect.modelled import Modelled
from functions.detect.record import TRACK
from functions.train.config import TrainConfig
from functions.train.fit import Fit, Span
from functions.train.procedure import FITS
from local.referee import Alone

BATCH = 500
WARM = 150
ROUNDS = 200
_MEMORY = 1 << 30


def microseconds(detector: str) -> float:
    """Return the processor time of a sample, the median of many batches; nothing else included.

    Where there are models every series has its own, and the baseline scores and learns, too, as it
    does in production.
    """
    judge = Judge.of(Rule(detector=detector))
    alone = Alone(judge, BATCH)
    files = np.arange(BATCH)
    modelled = None
    if judge.rule.modelled:
        alone.header["model"] = NOW
        modelled = Modelled(judge.rule, alone.header, np.zeros(BATCH, TRACK), _fleet(detector))
    values = np.random.default_rng(1).normal(100.0, 10.0, (WARM + ROUNDS, BATCH))
    took = []
    for turn, value in enumerate(values):
        at = np.full(BATCH, NOW + turn * STEP_MS)
        began = time.process_time()
        said = alone.judge(files, at, value)
        if modelled is not None:
            judged = modelled.score(files, at, value, said.scores)
            modelled.follow(files, at, judged.scores.evidence > 1.0, value > judged.scores.expected)
        took.append(time.process_time() - began)
    return 1e6 * statistics.median(took[WARM:]) / BATCH


def _fleet(detector: str) -> Fleet:
    """Return one fitted model, copied for each series."""
    config = TrainConfig()
    plugin: type[Fit] = load(FITS, detector, "Fit")
    history: History = made_up(1)
    until = NOW + (WARM + ROUNDS + 1) * STEP_MS
    params = config.params_for(detector, {}).get(detector, {})
    model = plugin(**params).fit(history, Span(NOW, until, float(DAYS)), lambda _: None)
    whole = Artefact("", model.kind, detector, NOW, until, params=model.params, arrays=model.arrays)
    wanted: list[Wanted] = [(0, f"{place:032x}", NOW) for place in range(BATCH)]
    packed = [replace(whole, series=series).pack() for _, series, _ in wanted]
    found = Shelf(_MEMORY).find(wanted, lambda _: packed)
    return Fleet([found[one] for one in wanted])
