import io
import json

import pytest
from rich.console import Console

from local.chaos.damage import Damage
from local.chaos.mutations import act, correlate, detect, environment, known
from local.chaos.outcome import Outcome
from local.chaos.result import Result
from local.chaos.table import summary, tables
from local.chaos.verdict import Verdict
from local.cli import main
from local.delivery.counters import Counts


def result(**changes) -> Result:
    damage = Damage()
    damage.kills["aiops-detect"], damage.worker_kills["aiops-act"] = 7, 12
    damage.outages["redis kill"], damage.outages["kafka hang"] = 3, 2
    outcome = Outcome(anomalies={"a": "{}"})
    outcome.logged.update({"detect 204": 900, "detect 503": 31, "act stale": 5})
    return Result(
        outcome,
        damage,
        seconds={"input 1": 30.0, "drained": 8.5, "told": 1.5},
        delivery={"KafkaSource metrics-to-detect": Counts(delivered=1000, retried=44)},
        links={"redis": {"cut": 4, "swallowed": 6}, "aiops-detect": {"cut": 2}},
        redelivered={"twice": 21, "zombie": 22},
        events=12_000, samples=300_000, input_seconds=50.0, servers=("Redis 7", "Kafka 4"),
        **changes,
    )  # fmt: skip


def replaced_by(mutation) -> list[tuple]:
    found = []
    mutation(lambda *replaced: found.append(replaced))
    return found


def verdict(wild: Result, **changes) -> Verdict:
    return Verdict(1, 60.0, 200.0, result(), wild, "/somewhere", **changes)


def shown(some: Verdict) -> str:
    out = Console(file=io.StringIO(), width=100)
    for table in tables(some):
        out.print(table)
    for line in summary(some):
        out.print(line, markup=False)
    return out.file.getvalue()


def test_a_run_in_which_nothing_differs_is_clean_and_says_what_was_done() -> None:
    clean = verdict(result())
    assert clean.clean
    text = " ".join(shown(clean).split())
    for part in ("detect 1 7 0 0 2 0", "redis 1 3 + 0 hangs 4 6", "19 kills, and nothing differs",
                 "events a second 240.0 240.0", "seconds to settle 10.0 10.0",
                 "answers 503 31 31", "made again while they still ran 22 22"):  # fmt: skip
        assert part in text
    assert "/somewhere" not in text
    figures = json.loads(json.dumps(clean.to_json()))
    assert figures["clean"] is True
    assert figures["wild"]["kills"] == 19
    assert figures["wild"]["samples_per_second"] == 6000.0


def test_what_differs_is_shown_with_the_place_of_the_logs() -> None:
    wild = result()
    wild.outcome.anomalies = {f"b{n}": "{}" for n in range(9)}
    some = verdict(wild, mutation="forgets", without="without restarts of the broker")
    text = shown(some)
    assert not some.clean
    assert "anomalies: anomaly a: missing" in text
    assert "and 5 more" in text
    assert "/somewhere" in text
    assert "without restarts" in text
    assert some.to_json()["differences"]["anomalies"] == 10


def test_what_did_not_come_to_rest_is_a_difference() -> None:
    stuck = verdict(result(unsettled="told: incidents: not in 120 s"))
    assert stuck.differences["not at rest in time"] == ["wild: told: incidents: not in 120 s"]
    assert not stuck.clean


@pytest.mark.parametrize(
    "wrong", [["--duration", "1"], ["--mutation", "nobody_knows_it"], ["--seed", "x"]]
)
def test_wrong_usage_is_said_before_anything_starts(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = main(["chaos", *wrong])
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    assert capsys.readouterr().err


def test_every_mutation_replaces_something_of_its_function() -> None:
    names = known()
    assert len(names) == sum(len(module.MUTATIONS) for module in (detect, correlate, act))
    for name, mutation in names.items():
        assert [one for one in replaced_by(mutation) if getattr(*one[:2]) is not one[2]], name
        assert environment(name)["AIOPS_MUTATION"] == name
