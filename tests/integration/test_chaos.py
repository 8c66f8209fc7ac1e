"""The pipeline under fire for a few seconds; `make chaos` does it for longer."""

import shutil

import pytest

from local.chaos import outages
from local.chaos.duel import Duel

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.redis]


def test_a_few_seconds_under_fire_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outages, "ONE_MINUTE", (("redis", "kill"), ("kafka", "hang")))
    monkeypatch.setattr(outages, "GAP_SECONDS", (0.5, 1.0))
    duel = Duel(5, 4.0, lambda phase, run: None)
    found = duel.fight()
    assert {kind: some for kind, some in found.differences.items() if some} == {}
    assert sum(found.wild.damage.kills.values()) > 3
    assert sum(found.wild.damage.worker_kills.values()) > 10
    assert sum(link.get("swallowed", 0) for link in found.wild.links.values()) > 0
    assert sum(one.retried for one in found.wild.delivery.values()) > 0
    assert found.wild.outcome.anomalies
    shutil.rmtree(duel.folder)
