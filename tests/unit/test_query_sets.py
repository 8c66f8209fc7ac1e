"""Sets of queries: golden signals with the roles that ranking expects, and PromQL that is one."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from aiops.events import SeriesHead
from aiops.plugins import available
from aiops.queries import SETS, STARTER_LOG_QUERIES, STARTER_QUERIES, Asked
from aiops.series import Series, SeriesMap
from functions.collect.config import CollectConfig

NAMES = ("istio", "kafka", "knative", "kubernetes", "node", "redis")


def test_there_is_a_set_for_each_and_all_come_beside_the_starter_queries() -> None:
    assert available(SETS) == NAMES
    asked = Asked(sets=NAMES).asked
    assert asked[: len(STARTER_QUERIES)] == STARTER_QUERIES
    assert len({query.metric for query in asked}) == len(asked)


@pytest.mark.parametrize("name", NAMES)
def test_a_set_has_all_golden_signals_by_the_roles_of_the_metric_map(name: str) -> None:
    names = SeriesMap()
    found = [names.read(SeriesHead(metric=q.metric)) for q in Asked(queries=(), sets=(name,)).asked]
    roles = {series.role for series in found if isinstance(series, Series)}
    assert roles == {"traffic", "errors", "latency", "saturation"}


@pytest.mark.parametrize("name", NAMES)
def test_every_series_of_a_set_says_its_service(name: str) -> None:
    services = SeriesMap().service_from
    for query in Asked(queries=(), sets=(name,)).asked:
        grouped = re.search(r"by \(([^)]*)\)", query.promql)
        assert grouped, query.metric
        labels = {label.strip() for label in grouped.group(1).split(",")}
        given = '"service", "$1"' in query.promql
        assert given or labels & set(services), query.metric


def test_counts_of_logs_have_roles_of_symptoms() -> None:
    names = SeriesMap()
    heads = [SeriesHead(metric=one.metric) for one in STARTER_LOG_QUERIES]
    found = [names.read(head) for head in heads]
    assert [one.role for one in found if isinstance(one, Series)] == ["other", "errors", "errors"]


@pytest.mark.parametrize("sets", [["sql"], ["node", "node"]])
def test_a_set_that_does_not_exist_or_comes_twice_is_refused(sets: list[str]) -> None:
    with pytest.raises(ValidationError, match=r"no set 'sql'; there is istio, kafka|named twice"):
        CollectConfig(sets=sets)


@pytest.mark.parametrize(
    ("pod", "workload"),
    [
        ("cart-7d9f8c6b5d-x2x4z", "cart"),
        ("shop-cart-66c5f8f7d8-8zq2v", "shop-cart"),
        ("kafka-0", "kafka"),
        ("kafka-broker-12", "kafka-broker"),
        ("node-exporter-9tb2l", "node-exporter"),
        ("plain", "plain"),
        ("etcd-master", "etcd-master"),
    ],
)
def test_a_pod_is_counted_to_its_workload(pod: str, workload: str) -> None:
    from aiops.promql import _WORKLOAD

    found = re.fullmatch(_WORKLOAD, pod)
    assert found
    assert found.group(1) == workload


@pytest.mark.prometheus
@pytest.mark.parametrize("wrong", [False, True])
def test_prometheus_itself_finds_nothing_wrong_with_any_query(tmp_path: Path, wrong: bool) -> None:
    rules = [
        {"record": f"checked:{place}", "expr": query.promql}
        for place, query in enumerate(Asked(sets=NAMES).asked)
    ]
    if wrong:
        rules.append({"record": "checked:wrong", "expr": "sum by ("})
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}))
    promtool = shutil.which("promtool")
    assert promtool
    done = subprocess.run(
        [promtool, "check", "rules", str(file)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode != 0) == wrong, done.stderr
