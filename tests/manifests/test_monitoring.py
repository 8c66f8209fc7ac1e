"""Rules, dashboard, exporter and document speak of the same metrics."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from aiops import counters
from aiops.counters import FAMILIES
from functions.exporter.families import GAUGES
from local.checks.kinds.dashboard import Dashboard
from local.checks.overlay import OVERLAYS, findings
from local.functions import ROOT
from local.rendering import render, renderer

FOLDER = ROOT / "knative" / "components" / "monitoring"
SPEC = {
    "groups": [
        group
        for folder in (FOLDER, FOLDER.parent / "canary")
        for group in yaml.safe_load((folder / "prometheusrule.yaml").read_text(encoding="utf-8"))[
            "spec"
        ]["groups"]
    ]
}
RULES = [rule for group in SPEC["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
DOCUMENT = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
QUERIES = [str(rule["expr"]) for rule in RULES] + [
    target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]
]
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
ALERTS = [rule["alert"] for rule in RULES if "alert" in rule]
HERE = Path(__file__).parent
needs_promtool = pytest.mark.skipif(
    not shutil.which("promtool"), reason="promtool is not installed"
)


def served():
    """Return every name a sample on the exporter's page can have, with its family."""
    names = {name: name for name in GAUGES}
    for one in FAMILIES:
        parts = ("_bucket", "_sum", "_count") if one.buckets else ("_total",)
        names |= {f"{one.name}{part}": one.name for part in parts}
    return names


def named(query):
    return set(re.findall(r"aiops[_:][\w:]*", re.sub(r'"[^"]*"', '""', query)))


def promtool(*arguments):
    return subprocess.run(
        [str(shutil.which("promtool")), *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


@pytest.fixture
def rules(tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(SPEC), encoding="utf-8")
    return file


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_names_only_what_is_served_or_recorded(query):
    assert named(query) - set(served()) - RECORDED == set()
    assert named(query) or query == "vector(1)"


def test_everything_served_is_asked_for_and_everything_recorded_too():
    asked = set().union(*map(named, QUERIES))
    assert {served()[name] for name in asked if name in served()} == set(served().values())
    assert asked >= RECORDED


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_selects_by_labels_and_values_there_are(query):
    known = {
        "function": {*counters.FUNCTIONS},
        "outcome": {
            *counters.OUTCOMES, *counters.ENDS, *counters.CANARIES.known["outcome"],
        },
        "server": {"redis", "kafka"},
        "le": {f"{ms / 1000:g}" for ms in counters.INCIDENT.buckets},
    }  # fmt: skip
    for label, values in re.findall(r'(\w+)=~?"([^"]*)"', query):
        assert set(values.split("|")) <= known[label]


@needs_promtool
def test_promtool_takes_the_rules(rules):
    done = promtool("check", "rules", rules)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(RULES)} rules found" in done.stdout


@needs_promtool
def test_the_rules_warn_of_what_they_are_for_and_else_are_quiet(rules):
    tests = rules.parent / "tests.yaml"
    tests.write_text((HERE / "monitoring_rules.yaml").read_text(encoding="utf-8"))
    done = promtool("test", "rules", tests)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_a_rule_that_is_wrong_is_found_by_their_tests(rules):
    text = rules.read_text(encoding="utf-8")
    assert text.count("== 0") >= 2
    rules.write_text(text.replace("== 0", "== 7"), encoding="utf-8")
    tests = rules.parent / "tests.yaml"
    tests.write_text((HERE / "monitoring_rules.yaml").read_text(encoding="utf-8"))
    assert promtool("test", "rules", tests).returncode != 0


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_is_tested_and_says_what_to_do(alert):
    (rule,) = (one for one in RULES if one.get("alert") == alert)
    assert rule["annotations"]["runbook"] == f"docs/monitoring.md#{alert.lower()}"
    assert re.search(rf"^### {alert}$", DOCUMENT, re.MULTILINE)
    assert alert in (HERE / "monitoring_rules.yaml").read_text(encoding="utf-8")


def test_the_document_names_no_alert_that_is_not_there():
    assert re.findall(r"^### (Aiops\w+)$", DOCUMENT, re.MULTILINE) == ALERTS


@pytest.mark.parametrize("name", sorted(set(served().values())))
def test_every_metric_is_told_of(name):
    shown = f"{name}_total" if f"{name}_total" in served() else name
    assert f"| `{shown}` |" in DOCUMENT


def test_the_dashboard_is_one():
    found = Dashboard.model_validate(DASHBOARD)
    assert len({panel.id for panel in found.panels}) == len(found.panels)
    places = {
        (x, y)
        for panel in found.panels
        for x in range(panel.grid_pos.x, panel.grid_pos.x + panel.grid_pos.w)
        for y in range(panel.grid_pos.y, panel.grid_pos.y + panel.grid_pos.h)
    }
    area = sum(panel.grid_pos.w * panel.grid_pos.h for panel in found.panels)
    assert len(places) == area, "panels lie over each other"


@needs_promtool
@pytest.mark.parametrize("panel", DASHBOARD["panels"], ids=lambda panel: panel["title"])
def test_a_panels_query_is_promql(panel, tmp_path):
    expr = panel["targets"][0]["expr"].replace("$__rate_interval", "5m")
    rule = {"groups": [{"name": "one", "rules": [{"record": "a:b", "expr": expr}]}]}
    file = tmp_path / "rule.yaml"
    file.write_text(yaml.safe_dump(rule), encoding="utf-8")
    assert promtool("check", "rules", file).returncode == 0


@pytest.mark.skipif(renderer() is None, reason="kubectl is not installed")
def test_an_overlay_with_the_canary_is_good(tmp_path):
    folder = tmp_path / "dev"
    folder.mkdir()
    text = (OVERLAYS / "dev" / "kustomization.yaml").read_text(encoding="utf-8")
    known = "- ../../components/monitoring\n"
    assert known in text
    more = text.replace(known, f"{known}- ../../components/canary\n")
    here = os.path.relpath(ROOT / "knative", folder)
    (folder / "kustomization.yaml").write_text(more.replace("../..", here), encoding="utf-8")
    rendered = render(folder)
    assert "kind: CronJob" in rendered
    assert findings(folder, rendered) == ()
