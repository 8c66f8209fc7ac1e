"""Every example of a policy in the documents is one."""

import re
from pathlib import Path

import pytest
import yaml

from aiops.digest import MOST_ADMITTED, MOST_MEMBERS
from functions.act.config import ActConfig
from functions.act.policy import plan
from local.cli import main
from tests.incidents import START, evidence, incident, suspect

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "policy.md").read_text()
EXAMPLES = re.findall(r"<!-- example -->\n```yaml\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("place", range(len(EXAMPLES)))
def test_every_example_passes(place, tmp_path, capsys):
    file = tmp_path / "aiops.yaml"
    file.write_text(EXAMPLES[place])
    assert main(["validate", str(file)]) == 0, capsys.readouterr().out


def test_every_yaml_in_the_document_is_an_example():
    assert len(EXAMPLES) == TEXT.count("```yaml") > 3


def act(place):
    return ActConfig.model_validate(yaml.safe_load(EXAMPLES[place])["act"])


def told(config, **changes):
    planned = plan(incident(1, **changes), (), config, {}, START)
    return [(step.channel, step.route) for step in planned.steps]


def test_the_example_of_routes_does_what_it_says():
    labels = {"labels": {"team": "payments"}}
    pay = {"root_cause": (suspect("cart"),), "evidence": (evidence("cart", "cpu", **labels),)}
    routes = act(0)
    assert told(routes, severity=4, **pay) == [
        ("pager-payments", "payments"), ("payments", "payments"),
    ]  # fmt: skip
    assert told(routes, severity=5, **pay) == [
        ("pager-payments", "payments"), ("payments", "payments"), ("everybody", "severe"),
    ]  # fmt: skip
    assert told(routes, severity=4) == [("everybody", "rest")]
    box = evidence("cart", "cpu", labels={"namespace": "sandbox-7"}, detector="grafana")
    noise = {"root_cause": (suspect("cart"),), "evidence": (box,)}
    assert told(routes, severity=4, **noise) == []


def test_the_messages_shown_are_those_of_the_command(tmp_path, capsys):
    file = tmp_path / "aiops.yaml"
    file.write_text("act:\n  channels:\n    - {channel: slack,\n       min_sevrity: 4}\n")
    main(["validate", str(file)])
    assert capsys.readouterr().out.strip().removeprefix(f"{tmp_path}/") in TEXT


def test_the_limits_stated_are_those_of_the_code():
    assert f"A digest holds {MOST_MEMBERS} incidents" in TEXT
    assert f"{MOST_ADMITTED:,}".replace(",", " ") + " places are remembered" in TEXT
