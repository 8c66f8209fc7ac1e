"""A runbook against the stand-in API server: checked without a change, then done, over sockets."""

import pytest

from functions.act.kubernetes.client import SETTINGS
from functions.act.operations.rollout_restart import Operation
from functions.act.runbooks.proposing import Shelf
from local.kubernetes.api_server import ApiServer
from tests.function.test_act_runbooks import Act
from tests.incidents import START
from tests.runbooks import runbook

STEPS = [{"rollout_restart": {"kind": "Deployment", "name": "{{ labels.deployment }}"}}]
TEMPLATE = {"metadata": {}, "spec": {"containers": [{"name": "main", "image": "cart:1"}]}}


def deployment(**labels):
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": "payments", "name": "cart", "labels": labels},
        "spec": {"replicas": 2, "template": TEMPLATE},
    }


@pytest.fixture
def server(tmp_path):
    with ApiServer(tmp_path, ("payments",)) as running:
        yield running


@pytest.fixture
def act(server, tmp_path):
    act = Act(books=(runbook(steps=STEPS),))
    values = SETTINGS | {
        "KUBERNETES_URL": server.url,
        "KUBERNETES_TOKEN_FILE": str(tmp_path / "token"),
    }
    act.runner.shelf = Shelf(act.books, {"rollout_restart": Operation(values)})
    return act


def writes(server):
    return [(call.dry, call.code, call.changed) for call in server.calls if call.verb == "patch"]


def test_nothing_changes_before_somebody_approves_and_then_it_does_once(act, server):
    server.put("deployments", deployment(app="cart"))
    act.tell()
    assert act.run.state == "awaiting"
    assert writes(server) == [(True, 200, False)]
    act.judge()
    act.judge()
    act.tick()
    assert act.run.state == "verifying"
    assert writes(server) == [(True, 200, False), (False, 200, True)]
    act.tell(2, status="resolved", resolved_at=START)
    assert act.run.state == "succeeded"


def test_a_deployment_with_a_denied_label_is_never_touched(act, server):
    server.put("deployments", deployment(**{"aiops.io/protected": "true"}))
    act.tell()
    assert act.run.state == "skipped"
    assert "aiops.io/protected=true" in act.reason("run_finished")
    assert not any(changed for _, _, changed in writes(server))


def test_what_is_not_there_is_not_proposed(act, server):
    act.tell()
    assert act.run.state == "skipped"
    assert "404" in act.reason("run_finished")
