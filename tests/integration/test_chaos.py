"""The pipeline under fire for a few seconds; `make chaos` does it for longer."""

import json

import pytest

from local.cli import main

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.redis]


def test_a_few_seconds_under_fire_change_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["chaos", "--duration", "8", "--seed", "5", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["first_differences"] == {}
    assert status == 0
    assert found["wild"]["kills"] > 10
    assert found["wild"]["delivery"]["retried"] > 0
    assert sum(link.get("swallowed", 0) for link in found["wild"]["connections"].values()) > 0


def test_a_broken_protocol_is_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    mutation = "forgets_series_after_a_while"
    assert main(["chaos", "--duration", "8", "--mutation", mutation, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["differences"]["series"] > 0
