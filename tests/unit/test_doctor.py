"""The doctor tells what is wrong with an installation, and what to do about it."""

import json
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest

from aiops import topics
from aiops.backlog import Backlog
from aiops.errors import Unavailable
from functions.exporter.kafka import Waiting
from local.cli import main
from local.deployment import runner
from local.doctor import cluster, gateway, kafka
from local.doctor import redis as redis_checks
from local.functions import ROOT
from local.manifests import load

MANIFESTS = load(ROOT / "knative" / "base")
GROUPS = {one.spec.consumer_group for one in MANIFESTS.sources} | {
    one.consumer_group for one in MANIFESTS.triggers
}


class Offsets:
    """Brokers as the objects have them."""

    def __init__(self, *, without=(), groups=GROUPS, end=10, at=10):
        self.without, self.known, self.end, self.at = set(without), groups, end, at

    def bounds(self, wanted):
        return {
            (one.metadata.name, partition): (0, self.end)
            for one in MANIFESTS.topics
            if one.metadata.name in wanted and one.metadata.name not in self.without
            for partition in range(one.spec.partitions)
        }

    def groups(self):
        return {one: {(topics.INCIDENTS, 0): self.at} for one in self.known}


def states(found):
    return {one.check: one.state for one in found}


def test_all_is_well_where_topics_groups_and_positions_are_as_they_should_be():
    found = states(kafka.asked(Offsets(end=0, at=0), MANIFESTS))
    assert set(found.values()) == {"good"}
    assert set(found) == {"topics", "consumer-groups", "lag", "dead-letters"}


def test_a_topic_that_is_missing_is_bad_and_named():
    found = list(kafka.asked(Offsets(without=["actions"]), MANIFESTS))
    (wrong,) = [one for one in found if one.check == "topics"]
    assert (wrong.state, wrong.told) == ("bad", "actions: is not there")


def test_a_topic_with_other_partitions_than_its_object_is_told_of():
    (found,) = kafka.topics({"metrics": 12}, {"metrics": 3})
    assert (found.state, found.told) == ("warning", "metrics: 3 partitions, its object has 12")


def test_a_group_that_never_read_is_named():
    one = min(GROUPS)
    found = states(kafka.asked(Offsets(groups=GROUPS - {one}), MANIFESTS))
    assert found["consumer-groups"] == "warning"


@pytest.mark.parametrize(
    ("lag", "letters", "state"),
    [(kafka.BEHIND, 0, "good"), (kafka.BEHIND + 1, 0, "warning"), (0, 1, "warning")],
)
def test_what_waits_and_what_was_given_up_is_told_of(lag, letters, state):
    found = states(kafka.queues(Waiting({("g", "metrics"): lag}, letters)))
    assert state in found.values()
    assert (set(found.values()) == {"good"}) is (state == "good")


def test_brokers_that_do_not_answer_are_bad():
    (found,) = kafka.checks("127.0.0.1:1", MANIFESTS)
    assert (found.check, found.state) == ("kafka", "bad")


@pytest.mark.parametrize(
    ("info", "state"),
    [
        ({"used_memory": 10, "maxmemory": 100}, "good"),
        ({"used_memory": 70, "maxmemory": 100}, "warning"),
        ({"used_memory": 91, "maxmemory": 100}, "bad"),
        ({"used_memory": 91, "maxmemory": 0}, "warning"),
    ],
)
def test_a_redis_that_fills_is_told_of_before_it_is_full(info, state):
    assert redis_checks.memory(info).state == state


@pytest.mark.parametrize(
    ("version", "state"), [("7.0.15", "good"), ("6.2.9", "bad"), ("8.0", "good")]
)
def test_a_redis_that_is_too_old_is_bad(version, state):
    assert redis_checks.version({"redis_version": version}).state == state


@pytest.mark.parametrize(
    ("ahead", "told"), [(2_001, "2001 ms ahead of"), (-9_000, "9000 ms behind")]
)
def test_clocks_that_differ_are_told_of(ahead, told):
    found = redis_checks.clock(ahead)
    assert found.state == "warning"
    assert told in found.told
    assert redis_checks.clock(2_000).state == "good"


def test_what_should_have_left_is_told_of():
    (found,) = redis_checks.backlog(lambda: Backlog(3, 0, 2, 0, 1, 1))
    assert (found.state, found.told) == ("warning", "3 anomalies to be published")
    (found,) = redis_checks.backlog(lambda: Backlog(0, 0, 2, 0, 1, 1))
    assert (found.state, found.told) == ("good", "nothing waits, 2 incidents are open")


def test_a_redis_that_does_not_answer_is_bad_and_nothing_more_is_asked():
    (found,) = redis_checks.checks("redis://127.0.0.1:1/0", "", "default")
    assert (found.check, found.state) == ("redis", "bad")


@pytest.mark.parametrize(
    ("status", "state"),
    [(401, "good"), (404, "skipped"), (200, "bad"), (202, "bad"), (500, "warning")],
)
def test_a_gateway_that_believes_everybody_is_bad(status, state):
    class Answer(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = list(gateway.checks(f"http://127.0.0.1:{server.server_port}/"))
        server.shutdown()
    assert {one.state for one in found} == {state}
    assert {"signatures-slack", "signatures-alertmanager"} <= {one.check for one in found}


def test_a_gateway_that_is_not_there_is_bad():
    (found,) = gateway.checks("http://127.0.0.1:1")
    assert (found.check, found.state) == ("gateway", "bad")


def ready(name, status="True", reason=""):
    return {
        "metadata": {"name": name},
        "status": {"conditions": [{"type": "Ready", "status": status, "reason": reason}]},
    }


@pytest.fixture
def kubectl(monkeypatch):
    told = {"items": [ready("aiops-detect")], "can-i": "no", "status": 0}

    def run(command, **_):
        out = told["can-i"] if "can-i" in command else json.dumps({"items": told["items"]})
        return subprocess.CompletedProcess(command, told["status"], out, "no cluster")

    stand_in = SimpleNamespace(run=run, TimeoutExpired=subprocess.TimeoutExpired)
    monkeypatch.setattr(runner, "subprocess", stand_in)
    return told


def test_a_cluster_where_all_is_ready_and_rights_are_narrow_is_well(kubectl):
    found = list(cluster.checks(runner.Runner()))
    assert {one.state for one in found} == {"good"}
    assert len(found) == len(cluster.KINDS) + len(cluster.FORBIDDEN)


def test_what_is_not_ready_is_named_with_its_reason(kubectl):
    kubectl["items"] += [
        ready("aiops-act", "False", "RevisionMissing"),
        {"metadata": {"name": "x"}},
    ]
    found = next(cluster.checks(runner.Runner()))
    assert found.state == "bad"
    assert found.told == "not ready: aiops-act (RevisionMissing), x (no condition yet)"


def test_an_account_that_may_read_secrets_is_bad(kubectl):
    kubectl["can-i"] = "yes"
    found = [one for one in cluster.checks(runner.Runner()) if one.check.startswith("rights")]
    assert {one.state for one in found} == {"bad"}


def test_where_no_cluster_answers_it_is_said_and_nothing_more(kubectl):
    kubectl["status"] = 1
    (found,) = cluster.checks(runner.Runner())
    assert (found.check, found.state) == ("cluster", "skipped")


def test_programs_read_it_as_json(kubectl, capsys):
    kubectl["items"] = []
    assert main(["doctor", "--cluster", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["bad"] == len(cluster.KINDS)
    assert told["findings"][0]["state"] == "skipped"


def test_a_canary_without_a_broker_is_not_sent(kubectl, capsys):
    assert main(["doctor", "--cluster", "--canary"]) == 0
    assert "canary" in capsys.readouterr().out


def test_a_canary_that_cannot_be_sent_is_bad(monkeypatch, capsys):
    def away(*_):
        raise Unavailable("Kafka: NoBrokersAvailable")

    monkeypatch.setattr("local.commands.doctor.send", away)
    assert main(["doctor", "--bootstrap-servers", "127.0.0.1:1", "--canary"]) == 1
    assert "BAD  canary" in capsys.readouterr().out


def test_asked_for_nothing_it_says_what_it_could_look_at(capsys, monkeypatch):
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    assert main(["doctor"]) == 2
    assert "set REDIS_URL and KAFKA_BOOTSTRAP_SERVERS" in capsys.readouterr().err
