"""A whole installation is brought to a cluster in order, or nothing is changed."""

import io
import json
import re
import subprocess
from functools import cache
from itertools import pairwise
from types import SimpleNamespace

import pytest
import yaml

from local.checks.overlay import overlay_named
from local.cli import main
from local.deployment import deploying, preflight, runner
from local.deployment.smoke import outcome_of
from local.rendering import documents, render, renderer

pytestmark = pytest.mark.skipif(renderer() is None, reason="kubectl is not installed")

DIGEST = "sha256:" + "b" * 64
REGISTRY = "registry.example.com/aiops"
FUNCTIONS = ["act", "collect", "correlate", "detect", "gateway", "train"]
CANARY = {"run": "a", "seconds": {"detect": 2.0, "correlate": 3.0, "act": 4.5}, "missed": ""}


def crd(group, kind, *versions):
    served = [{"name": one, "served": True} for one in versions]
    return {"spec": {"group": group, "names": {"kind": kind}, "versions": served}}


@cache
def rendered(folder):
    return render(folder)


@cache
def crds():
    found = {("serving.knative.dev", "Service"): {"v1"}}
    for one in documents(rendered(overlay_named("dev"))):
        group, _, version = one["apiVersion"].rpartition("/")
        if "." in group and not group.endswith("k8s.io"):
            found.setdefault((group, one["kind"]), set()).add(version)
    return [crd(*names, *versions) for names, versions in found.items()]


class Cluster:
    """Stands in for kubectl, kn and docker, and knows what they were called with."""

    def __init__(self):
        self.told = {}
        self.called = []
        self.answer("current-context", "kind-aiops\n")
        self.answer("get customresourcedefinitions", json.dumps({"items": crds()}))
        self.answer(
            "get secret aiops-redis ", "detect correlate act collect gateway train exporter"
        )
        self.answer("get secret aiops-redis-acl", "users.acl")
        self.answer("get secret aiops-kafka", "protocol sasl.mechanism user password ca.pem")
        gateway = "slack.signing.secrets pagerduty.webhook.secrets alertmanager.tokens "
        gateway += "grafana.webhook.secrets flux.webhook.secrets argocd.tokens "
        self.answer(
            "get secret aiops-gateway",
            f"{gateway} deploy.webhook.secrets cloudevents.webhook.secrets",
        )
        self.answer("kubectl diff", "+ kind: Namespace\n", status=1)
        self.answer("kubectl logs", f"{json.dumps(CANARY)}\n")

    def answer(self, pattern, out, status=0):
        self.told = {pattern: (status, out)} | self.told | {pattern: (status, out)}

    def run(self, command, **_):
        self.called.append(list(command))
        line = " ".join(command)
        for pattern, (status, out) in self.told.items():
            if re.search(pattern, line):
                return subprocess.CompletedProcess(command, status, out, out if status else "")
        image, _, _ = command[-1].rpartition(":")
        known = f"{image}@{DIGEST}" if "image inspect" in line else ""
        return subprocess.CompletedProcess(command, 0, known, "")

    def calls(self, *words):
        return [one for one in self.called if one[: len(words)] == list(words)]

    def changed(self):
        """Return every call that changes something."""
        reads = r"kubectl (get|config|diff)|docker image inspect"
        return [one for one in self.calls() if not re.match(reads, " ".join(one))]


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    found = Cluster()
    stand_in = SimpleNamespace(run=found.run, TimeoutExpired=subprocess.TimeoutExpired)
    monkeypatch.setattr(runner, "subprocess", stand_in)
    monkeypatch.setattr(preflight.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(deploying, "render", rendered)
    monkeypatch.setattr(deploying, "ROOT", tmp_path)
    monkeypatch.setattr("local.commands.deploy.ROOT", tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    return found


def deploy(*more):
    return main(["deploy", "dev", "--version", "7", *more])


def test_what_feeds_functions_comes_last_and_a_sample_is_sent_through_at_the_end(cluster, capsys):
    assert deploy("--yes") == 0
    changed = [" ".join(one) for one in cluster.changed()]
    places = {
        what: [place for place, line in enumerate(changed) if re.search(what, line)]
        for what in (
            "docker push", "apply.*foundation.yaml", "apply.*servers.yaml",
            "wait.*kafka.kafka.strimzi.io/aiops",
            "apply.*monitoring.yaml", "kn func deploy", "apply.*services/detect.yaml",
            "wait.*service.serving.knative.dev/aiops-train", "apply.*sinks.yaml",
            "wait.*kafkasink", "apply.*sources.yaml", "wait.*kafkasource", "apply.*smoke.yaml",
            "kubectl logs",
        )
    }  # fmt: skip
    assert all(places.values()), [what for what, found in places.items() if not found]
    ordered = list(places.values())
    for before, after in pairwise(ordered):
        if before is not places["kn func deploy"]:  # each is told the rest right after it
            assert max(before) < min(after)
    assert len(places["docker push"]) == len(FUNCTIONS) + 1
    assert "act after 4.5 s" in capsys.readouterr().out


def test_every_function_and_every_pod_of_ours_runs_the_image_that_was_pushed(cluster, tmp_path):
    assert deploy("--yes") == 0
    images = [call[call.index("--image") + 1] for call in cluster.calls("kn")]
    assert images == [f"{REGISTRY}/aiops-{name}@{DIGEST}" for name in FUNCTIONS]
    found = [
        line.strip()
        for file in ("monitoring", "smoke")
        for line in (tmp_path / "build/deploy/dev" / f"{file}.yaml").read_text().splitlines()
        if "image:" in line
    ]
    assert found == [f"image: {REGISTRY}/aiops-exporter@{DIGEST}"] * 2


def test_what_the_cluster_lacks_is_named_with_what_brings_it_and_nothing_is_changed(
    cluster, capsys
):
    kept = [one for one in crds() if one["spec"]["group"] != "kafka.strimzi.io"]
    cluster.answer("get customresourcedefinitions", json.dumps({"items": kept}))
    assert deploy("--yes") == 2
    told = capsys.readouterr()
    assert "MISSING Kafka kafka.strimzi.io/v1: install Strimzi" in told.out
    assert "nothing was changed; missing: Kafka kafka.strimzi.io/v1" in told.err
    assert cluster.changed() == []


def test_a_kind_in_an_older_version_is_not_enough(cluster, capsys):
    older = [
        crd("kafka.strimzi.io", "Kafka", "v1beta2") if one["spec"]["names"]["kind"] == "Kafka"
        else one for one in crds()
    ]  # fmt: skip
    cluster.answer("get customresourcedefinitions", json.dumps({"items": older}))
    assert deploy("--yes") == 2
    assert "this cluster has v1beta2: a newer version is needed" in capsys.readouterr().out
    assert cluster.changed() == []


def test_a_secret_that_lacks_a_key_stops_everything_and_no_value_is_asked_for(cluster, capsys):
    cluster.answer("get secret aiops-redis ", "detect correlate act collect gateway exporter")
    assert deploy("--yes") == 2
    assert "MISSING Secret aiops-redis: has no key train" in capsys.readouterr().out
    assert cluster.changed() == []
    asked = cluster.calls("kubectl", "get", "secret")
    assert asked
    assert all("$key" in one[-1] and "{{$_}}" not in one[-1] for one in asked)


def test_a_secret_that_is_not_there_comes_with_the_command_that_makes_it(cluster, capsys):
    cluster.answer("get secret aiops-gateway", "not found", status=1)
    assert deploy("--yes") == 2
    assert "not found; make it: aiops secrets | kubectl create" in capsys.readouterr().out


def test_where_nobody_can_say_yes_nothing_is_changed(cluster, capsys):
    assert deploy() == 2
    assert "deploy dev, version 7, to kind-aiops? nobody is there" in capsys.readouterr().err
    assert cluster.changed() == []


@pytest.mark.parametrize(
    ("answers", "applied"), [(["n"], False), (["y", "n"], False), (["y", "y"], True)]
)
def test_it_asks_with_the_name_of_the_cluster_and_once_more_with_the_diff(
    cluster, monkeypatch, answers, applied
):
    asked = []

    def confirmed(question):
        asked.append(question)
        return answers[len(asked) - 1] == "y"

    monkeypatch.setattr("local.commands.deploy.confirmed", confirmed)
    assert deploy() == (0 if applied else 2)
    assert len(asked) == len(answers)
    assert all("kind-aiops" in question for question in asked)
    assert bool(cluster.calls("kubectl", "apply")) is applied


def test_a_sample_that_is_lost_on_its_way_is_a_failure_that_names_the_stage(cluster, capsys):
    lost = json.dumps({"run": "a", "seconds": {"detect": 1.0}, "missed": "correlate"})
    cluster.answer("kubectl logs", f"starting\n{lost}\n")
    assert deploy("--yes") == 1
    told = capsys.readouterr().err
    assert "did not pass correlate" in told
    assert "serving.knative.dev/service=aiops-correlate" in told
    assert "make rollback" in told


@pytest.mark.parametrize(
    ("fails", "not_reached"),
    [
        ("docker push", "kubectl apply"),
        ("kubectl diff", "kubectl apply"),
        ("kafka.kafka.strimzi.io/aiops", "kn func"),
        ("kn func deploy.*act", "sinks.yaml"),
        ("wait.*service.serving.knative.dev/aiops-detect", "sinks.yaml"),
        ("wait.*kafkasink", "sources.yaml"),
    ],
)
def test_what_fails_stops_what_comes_after_it(cluster, capsys, fails, not_reached):
    cluster.answer(fails, "timed out waiting", status=3)
    assert deploy("--yes") == 1
    assert "timed out waiting" in capsys.readouterr().err
    assert not [one for one in cluster.calls() if re.search(not_reached, " ".join(one))]


def test_a_dry_run_names_every_program_and_runs_none(cluster, capsys):
    assert deploy("--dry") == 0
    assert cluster.calls() == []
    said = capsys.readouterr().out
    for line in ("+ kubectl config current-context", "+ kubectl diff", "+ kn func deploy"):
        assert line in said


def test_an_overlay_that_does_not_exist_is_named(capsys):
    assert main(["deploy", "staging"]) == 2
    assert (
        "staging: there is no such overlay; there is dev, managed, prod" in capsys.readouterr().err
    )


def test_an_overlay_with_a_mistake_is_not_deployed(cluster, monkeypatch, capsys):
    broken = rendered(overlay_named("dev")).replace("consumerGroup: aiops-act-incidents", "")
    monkeypatch.setattr(deploying, "render", lambda _: broken)
    assert deploy("--yes") == 2
    assert "consumerGroup" in capsys.readouterr().err
    assert cluster.calls() == []


def test_taking_it_away_ends_what_feeds_functions_first_and_keeps_the_data(cluster, capsys):
    assert main(["undeploy", "dev", "--yes"]) == 0
    gone = [one[2] for one in cluster.calls("kubectl", "delete")]
    first = {kind: gone.index(kind) for kind in dict.fromkeys(gone)}
    assert first["kafkasource.sources.knative.dev"] < first["service.serving.knative.dev"]
    assert not {kind for kind in gone if kind.endswith("strimzi.io") or kind == "statefulset.apps"}
    assert not set(gone) & {"namespace", "configmap", "networkpolicy.networking.k8s.io"}
    assert "kept: Kafka" in capsys.readouterr().out


def test_with_its_data_topics_go_before_kafka_and_the_namespace_last(cluster):
    assert main(["undeploy", "dev", "--data", "--yes"]) == 0
    gone = [one[2] for one in cluster.calls("kubectl", "delete")]
    kinds = [
        "trigger.eventing.knative.dev",
        "kafkatopic.kafka.strimzi.io",
        "kafka.kafka.strimzi.io",
    ]
    places = [gone.index(kind) for kind in kinds]
    assert places == sorted(places)
    assert gone[-1] == "namespace"


def test_nothing_is_taken_away_where_nobody_says_yes(cluster):
    assert main(["undeploy", "dev"]) == 2
    assert cluster.changed() == []


@pytest.mark.parametrize("said", ["", "Traceback\n", "[1]", '{"run": 1}'])
def test_a_canary_that_says_nothing_understood_is_no_success(said):
    assert not outcome_of(said).good


def test_passwords_are_the_same_in_both_places_and_new_each_time(capsys):
    def made():
        assert main(["secrets"]) == 0
        text = capsys.readouterr().out
        return {one["metadata"]["name"]: one["stringData"] for one in yaml.safe_load_all(text)}

    first, second = made(), made()
    password = re.search(r"aiops-detect:([\w-]{32})@", first["aiops-redis"]["detect"])
    assert password is not None
    assert f"user aiops-detect on >{password[1]} " in first["aiops-redis-acl"]["users.acl"]
    assert "${" not in yaml.safe_dump(first)
    assert password[1] not in yaml.safe_dump(second)
    assert len(set(re.findall(r":([\w-]{32})@", yaml.safe_dump(first)))) == len(
        first["aiops-redis"]
    )


def test_passwords_are_not_written_to_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert main(["secrets"]) == 2
    assert capsys.readouterr().out == ""
