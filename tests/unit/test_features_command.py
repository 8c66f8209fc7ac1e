"""`aiops features` tells what is made of a metric, where that is said, and with true numbers."""

import json
from pathlib import Path

import pytest

from functions.detect.features.sets import SETS
from local.cli import main

CONFIG = """
detect:
  feature_sets: [kubernetes]
  features:
  - name: cart_error_ratio
    kind: ratio
    about: share of carts that failed
    of: {metric: carts_total, labels: {result: failed}}
    over: {metric: carts_total}
  quantiles:
  - {match: {metric: latency_seconds_bucket}, q: [0.95]}
  rules:
  - {match: {metric: carts_total}, detector: isolation_forest}
  - {together: [cpu, queue], detector: isolation_forest}
  default: {params: {country: DE}}
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "aiops.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    return str(file)


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, str]]:
    capsys.readouterr()
    assert main(["features", *arguments, "--json"]) == 0
    found: list[dict[str, str]] = json.loads(capsys.readouterr().out)["features"]
    return found


def test_a_metric_has_its_rate_its_declared_features_and_what_its_rule_looks_at(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {one["kind"]: one for one in told(capsys, "carts_total", "--config", config)}
    assert set(found) == {"rate", "ratio", "calendar", "forest"}
    assert found["rate"]["example"] == "1000, a minute later 1120: 2 a second"
    ratio = found["ratio"]
    assert ratio["name"] == "cart_error_ratio"
    assert ratio["declared"] == "detect.features.0"
    assert ratio["about"].startswith("share of carts that failed: carts_total{result")
    assert ratio["example"] == "of 10 then 16, over 1000 then 1060: 0.1"
    assert found["forest"]["declared"] == "detect.rules.0, detector isolation_forest"
    assert found["forest"]["example"] == "10, five minutes later 14: 14, 4, 11, 0.866, -0.5"


def test_a_series_that_is_on_no_side_has_no_ratio(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    other = told(capsys, "other_total", "--config", config)
    assert {one["kind"] for one in other} == {"rate", "calendar"}
    assert "the calendar of DE" in other[-1]["about"]


def test_sets_that_are_on_come_from_there_and_others_say_how_they_are_switched_on(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    memory = told(capsys, "container_memory_working_set_bytes", "--config", config)
    (saturation,) = (one for one in memory if one["kind"] == "saturation")
    assert saturation["declared"] == "detect.feature_sets: kubernetes"
    assert saturation["example"] == "of 3, over 4: 0.75"
    (redis,) = (one for one in told(capsys, "redis_hit_ratio") if one["kind"] == "ratio")
    assert redis["declared"] == "off; add redis to detect.feature_sets"


def test_a_histogram_has_quantiles_instead_of_a_rate(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = told(capsys, "latency_seconds_bucket", "--label", "le=0.5", "--config", config)
    assert [one["kind"] for one in found] == ["quantile", "calendar"]
    assert found[0]["name"] == 'latency_seconds{quantile="0.95"}'


def test_rows_of_several_metrics_are_told_with_each_of_them(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {one["kind"]: one for one in told(capsys, "queue", "--config", config)}
    assert found["together"]["declared"] == "detect.rules.1.together"
    assert found["value"]["name"] == "queue"


def test_without_a_metric_everything_there_is_is_listed(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {one["name"] for one in told(capsys, "--config", config)}
    assert names == {"cart_error_ratio"} | {one.name for some in SETS.values() for one in some}
    assert main(["features"]) == 0
    assert "redis_memory_saturation" in capsys.readouterr().out


def test_a_label_without_a_value_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["features", "x", "--label", "le"]) == 2
    assert "NAME=VALUE" in capsys.readouterr().err
