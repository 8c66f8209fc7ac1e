"""What is shipped is what the simulation chooses, and the document says what it computes."""

import json
import math
from dataclasses import fields, replace

import pytest

from bench import report
from bench.autoscaler.search import CONCURRENCIES, RETENTIONS, SEEDS, WINDOWS, aims, stood
from bench.autoscaler.settings import Settings
from bench.autoscaler.shipped import shipped
from bench.autoscaler.table import DOCUMENT, RESULTS, written
from bench.autoscaler.trials import Trial, loads, trickles
from bench.autoscaler.work import partitions

SHIPPED = shipped("detect")
KEPT = replace(SHIPPED, retention=0.0)
KNOWN = report.read()
ADVICE = "run: python -m bench.autoscaler --write --plot docs/scaling.svg"


@pytest.fixture(scope="module")
def under_load() -> list[tuple[Trial, ...]]:
    return [loads(KNOWN, seed) for seed in SEEDS]


def price(settings: Settings, trials: tuple[Trial, ...], below: float = math.inf) -> float:
    """Pod seconds of all trials; infinite from `below`, or where one is not stood."""
    total = 0.0
    for trial in trials:
        outcome = trial.run(settings)
        total += outcome.pod_seconds
        if total >= below or not trial.stood(outcome):
            return math.inf
    return total


def stands(settings: Settings, under_load: list[tuple[Trial, ...]]) -> bool:
    return all(stood(settings, trials) for trials in under_load)


def test_what_is_shipped_stands_every_trial_whenever_records_come(
    under_load: list[tuple[Trial, ...]],
) -> None:
    assert stands(KEPT, under_load), ADVICE


def test_no_other_target_and_no_other_window_is_cheaper_and_stands_the_trials(
    under_load: list[tuple[Trial, ...]],
) -> None:
    others = {one for one in aims(KEPT) if one.window == KEPT.window and one.aim != KEPT.aim}
    others |= {replace(KEPT, window=window) for window in WINDOWS} - {KEPT}
    least = price(KEPT, under_load[0])
    cheaper = [one for one in others if price(one, under_load[0], least) < least]
    assert cheaper, "a shorter window is cheaper, and restless"
    assert [one for one in cheaper if stands(one, under_load)] == [], ADVICE


def test_the_last_instance_is_kept_for_as_long_as_regular_samples_need_and_no_longer() -> None:
    regular = trickles(KNOWN)
    enough = [each for each in RETENTIONS if stood(replace(SHIPPED, retention=each), regular)]
    assert min(enough) == SHIPPED.retention, ADVICE


def test_there_are_no_more_instances_than_partitions_and_they_take_what_all_topics_deliver() -> (
    None
):
    assert SHIPPED.most == partitions("metrics")
    delivered = sum(map(partitions, ("metrics", "logs", "traces", "events")))
    least = max(SHIPPED.target, delivered / SHIPPED.most)
    assert min(each for each in CONCURRENCIES if each >= least) == SHIPPED.concurrency


def test_all_that_is_not_said_is_knatives_default() -> None:
    said = {"target", "utilization", "concurrency", "most", "retention"}
    others = [one.name for one in fields(Settings) if one.name not in said]
    assert {name: getattr(SHIPPED, name) for name in others} == {
        name: getattr(Settings(), name) for name in others
    }


def test_the_figures_of_the_document_are_those_that_were_computed() -> None:
    figures = json.loads(RESULTS.read_bytes())
    text = DOCUMENT.read_text()
    assert report.filled(text, figures) == text, ADVICE
    assert figures["shipped"] == written(SHIPPED), ADVICE
