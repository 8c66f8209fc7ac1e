"""What a scenario promises."""

import argparse
import csv
import gzip
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from aiops.events import ChangeObserved, SeriesHead
from aiops.series import Series, SeriesMap
from local.commands import scenario as command
from local.evaluation import parse_faults
from local.recording import read_recording
from local.scenario import signals
from local.scenario.campaign import campaign
from local.scenario.faults import KINDS, LARGEST, QUIET_MINUTES
from local.scenario.generate import CALM_MINUTES, Scenario, generate, robust_deviations
from local.scenario.recording import write
from local.scenario.shop import shop
from local.scenario.spread import Fault, callers, effects

SEEDS = range(6)


@pytest.fixture(scope="module", params=SEEDS)
def drawn(request: pytest.FixtureRequest) -> Scenario:
    return generate(request.param)


def row_of(scenario: Scenario, metric: str, *labels: str) -> int:
    names = [(head.metric, *head.labels.values()) for head in scenario.series]
    return names.index((metric, *labels))


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        write(generate(seed, hours=2.0), tmp_path / name)
    first, again, other = (contents(tmp_path / name) for name in "abc")
    assert first == again
    assert first["samples.csv.gz"] != other["samples.csv.gz"]
    assert first["faults.json"] != other["faults.json"]


def test_every_kind_of_fault_is_present_and_no_service_is_hit_twice(drawn: Scenario) -> None:
    assert len(drawn.faults) == 6
    assert {fault.kind for fault in drawn.faults} == set(KINDS)
    assert len({fault.service for fault in drawn.faults}) == 6


def test_magnitudes_lie_between_three_and_the_largest_of_their_kind(drawn: Scenario) -> None:
    for fault in drawn.faults:
        assert 3.0 <= fault.magnitude <= LARGEST[fault.kind]


def test_magnitudes_reach_down_to_three() -> None:
    magnitudes = [fault.magnitude for seed in range(20) for fault in generate(seed).faults]
    assert min(magnitudes) < 3.2
    assert sum(magnitude < 4 for magnitude in magnitudes) > len(magnitudes) / 8


def test_the_leading_series_shifts_by_the_magnitude(drawn: Scenario) -> None:
    for fault in drawn.faults:
        leading = effects(drawn.shop, fault)[0].series
        row = row_of(drawn, *leading)
        assert leading[0] == fault.metric
        during = drawn.values[row, fault.onset + 1 : fault.onset + fault.minutes]
        before = drawn.values[row, fault.onset - CALM_MINUTES : fault.onset]
        shift = (np.median(during) - np.median(before)) / drawn.deviations[row]
        assert abs(shift) == pytest.approx(fault.magnitude, abs=1.6)


def test_faults_last_six_to_ten_minutes_with_twenty_quiet_ones_before_each(
    drawn: Scenario,
) -> None:
    quiet_from = drawn.history_minutes
    for fault in drawn.faults:
        assert 6 <= fault.minutes <= 10
        assert fault.onset - quiet_from >= QUIET_MINUTES
        last = max(effect.delay for effect in effects(drawn.shop, fault))
        quiet_from = fault.onset + fault.minutes + last


def test_a_recording_states_samples_calls_changes_and_faults(
    drawn: Scenario, tmp_path: Path
) -> None:
    write(drawn, tmp_path)
    with gzip.open(tmp_path / "samples.csv.gz", "rt", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["timestamp", "metric", "value", "service", "client", "server"]
    times = [int(row[0]) for row in rows[1:]]
    assert times == sorted(times)
    assert len(times) == drawn.values.size
    assert min(float(row[2]) for row in rows[1:]) >= 0.0
    topology = (tmp_path / "topology.csv").read_text().splitlines()
    assert topology[0] == "client,server"
    assert "checkout,payment" in topology
    for line in (tmp_path / "changes.jsonl").read_text().splitlines():
        ChangeObserved.model_validate_json(line)
    faults = parse_faults((tmp_path / "faults.json").read_text())
    assert [(one.service, one.kind) for one in faults] == [
        (one.service, one.kind) for one in drawn.faults
    ]
    assert [one.magnitude for one in faults] == [round(one.magnitude, 2) for one in drawn.faults]
    assert [one.start for one in faults] == [
        drawn.time_of(one.onset) - 30_000 for one in drawn.faults
    ]


def test_the_role_and_service_of_every_series_are_known() -> None:
    roles = defaultdict(set)
    for head in generate(0, hours=0.1, faults=0).series:
        series = SeriesMap().read(head)
        assert isinstance(series, Series)
        assert series.service in shop().services + shop().stores
        roles[series.role].add(head.metric)
    assert roles == {
        "saturation": {signals.CPU, signals.MEMORY, signals.CONNECTIONS},
        "latency": {signals.LATENCY},
        "errors": {signals.ERRORS, signals.READY, signals.RESTARTS},
        "traffic": {signals.RATE},
        "edge_client": {signals.EDGE_CLIENT},
        "edge_server": {signals.EDGE_SERVER},
    }


def test_a_healthy_shop_follows_the_hour_of_the_day() -> None:
    healthy = generate(0, hours=12.0, faults=0)
    rate = healthy.values[row_of(healthy, signals.RATE, "gateway")]
    assert rate[500:580].mean() > 1.25 * rate[:60].mean()


def test_noise_remembers_its_past() -> None:
    healthy = generate(0, hours=12.0, faults=0)
    cpu = healthy.values[row_of(healthy, signals.CPU, "cart")]
    residual = cpu[:720] - np.convolve(cpu, np.ones(61) / 61, "same")[:720]
    inner = residual[60:-60]
    assert np.corrcoef(inner[:-1], inner[1:])[0, 1] > 0.1


def test_outliers_are_single_and_nothing_of_chance_comes_shortly_before_a_fault() -> None:
    lone = 0
    for seed in range(20):
        drawn = generate(seed)
        deploys = [
            (change.observed_at - drawn.start_ms) / 60_000
            for change in drawn.changes
            if change.summary != "rolled back" and not change.summary.endswith("1.9.0")
        ]
        for fault in drawn.faults:
            shortly_before = (fault.onset - CALM_MINUTES, fault.onset)
            assert not [at for at in deploys if shortly_before[0] <= at < shortly_before[1]]
        before_faults = drawn.values[:, : drawn.history_minutes]
        jump = np.diff(before_faults, axis=1) / np.maximum(drawn.deviations, 1e-9)[:, None]
        up, down = jump[:, :-1] > 3.9, jump[:, 1:] < -3.9
        lone += int((up & down).sum())
    assert lone > 20


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_moves_only_series_along_the_calls(kind: str) -> None:
    place = shop()
    for service in place.services[1:]:
        fault = Fault(kind, service, signals.CPU, 0, 8, 5.0)
        reached = {service, *callers(place, service)}
        called = {call.server for call in place.calls_from(service)}
        for effect in effects(place, fault):
            assert reached & set(effect.series[1:]) or (
                effect.series[0] == signals.RATE and effect.series[1] in called
            )


def test_a_fault_is_felt_later_and_less_with_every_call() -> None:
    felt = callers(shop(), "inventory")
    assert felt["checkout"][0] == 1
    assert felt["checkout"][1] == pytest.approx(0.7)
    assert felt["frontend"][0] == 2
    assert felt["gateway"][0] == 3
    assert felt["checkout"][1] > felt["frontend"][1] > felt["gateway"][1] >= 0.1
    assert "email" not in felt


def test_a_slow_network_moves_the_client_end_of_calls_and_not_the_server_end() -> None:
    moved = {
        effect.series
        for effect in effects(shop(), Fault("latency", "email", signals.EDGE_CLIENT, 0, 8, 5.0))
    }
    assert (signals.EDGE_CLIENT, "checkout", "email") in moved
    assert (signals.EDGE_SERVER, "checkout", "email") not in moved


def test_both_ends_of_a_call_to_a_saturated_service_rise_by_the_same_time() -> None:
    for effect in effects(shop(), Fault("saturation", "email", signals.CPU, 0, 8, 5.0)):
        if effect.series[0] == signals.EDGE_CLIENT:
            assert effect.measure == (signals.EDGE_SERVER, *effect.series[1:])


def test_a_dead_pod_is_not_ready_and_restarts_until_it_is_over() -> None:
    for seed in SEEDS:
        drawn = generate(seed)
        for fault in (one for one in drawn.faults if one.kind == "dead_pod"):
            ready = drawn.values[row_of(drawn, signals.READY, fault.service)]
            restarts = drawn.values[row_of(drawn, signals.RESTARTS, fault.service)]
            end = fault.onset + fault.minutes
            assert (ready[fault.onset : end] == ready[fault.onset - 1] - 1).all()
            assert ready[end] == ready[fault.onset - 1]
            assert restarts[fault.onset : end].sum() == (fault.minutes + 1) // 2
            assert restarts[end:].sum() == 0


def test_a_bad_deploy_is_recorded_with_its_rollback() -> None:
    for seed in SEEDS:
        drawn = generate(seed)
        for fault in (one for one in drawn.faults if one.kind == "errors"):
            own = [change for change in drawn.changes if change.service == fault.service]
            at = {change.kind: change.observed_at for change in own}
            assert at["deploy"] == drawn.time_of(fault.onset - 1)
            assert at["rollback"] == drawn.time_of(fault.onset + fault.minutes - 1)


def test_robust_deviations_are_those_of_a_normal_distribution() -> None:
    values = np.random.default_rng(1).normal(10.0, 2.0, (1, 100_000))
    assert robust_deviations(values)[0] == pytest.approx(2.0, rel=0.02)


def test_a_small_shop_of_every_size_can_be_drawn() -> None:
    assert generate(0, hours=0.5, faults=0).faults == ()
    many = generate(0, hours=0.5, faults=30).faults
    assert len(many) == 30
    assert SeriesHead(metric=signals.CPU, labels={"service": "cart"}) in generate(1).series


def test_the_command_writes_a_recording_and_says_what_is_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    folder = tmp_path / "new" / "recording"
    given = ["scenario", str(folder), "--seed", "5", "--hours", "1", "--faults", "2"]
    assert command.run(parser.parse_args(given)) == 0
    assert "140 series" in capsys.readouterr().out
    assert len(json.loads((folder / "faults.json").read_text())) == 2
    assert command.run(parser.parse_args([*given, "--json"])) == 0
    assert json.loads(capsys.readouterr().out)["faults"] == 2


@pytest.mark.parametrize("wrong", [["--seed", "-1"], ["--hours", "0"], ["--faults", "x"]])
def test_the_command_refuses_numbers_that_make_no_sense(wrong: list[str]) -> None:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    with pytest.raises(SystemExit) as caught:
        parser.parse_args(["scenario", "out", *wrong])
    assert caught.value.code == 2


def test_the_command_writes_a_random_system_that_reads_back_as_it_was_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    given = ["scenario", str(tmp_path), "--services", "12", "--step", "30", "--faults", "1"]
    assert command.run(parser.parse_args([*given, "--json"])) == 0
    told = json.loads(capsys.readouterr().out)
    drawn, read = campaign(1, services=12, step=30, faults=1), read_recording(tmp_path)
    assert (told["series"], told["samples"]) == (len(drawn.heads), len(drawn.time))
    assert (read.calls, read.changes, read.faults) == (drawn.calls, drawn.changes, drawn.faults)
    assert (read.time == drawn.time).all()
    named = {(head.metric, *sorted(head.labels.items())) for head in drawn.heads}
    assert {(head.metric, *sorted(head.labels.items())) for head in read.heads} == named
    assert command.run(parser.parse_args(given)) == 0
    assert "samples" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        parser.parse_args(["scenario", "out", "--services", "9"])
