"""Every class of mistake that can be made in what a cluster is given is found by a check."""

import shutil

import pytest

from local.checks.every import CHECKS
from local.checks.overlay import OVERLAYS, SCHEMA
from local.rendering import render, renderer
from tests.manifests.seeded import Draft, draft, fresh

pytestmark = pytest.mark.skipif(renderer() is None, reason="kubectl is not installed")


@pytest.fixture(scope="module")
def overlays() -> dict[str, Draft]:
    return {
        folder.name: draft(render(folder), production=folder.name != "dev")
        for folder in OVERLAYS.iterdir()
    }


def source(it):
    return it.one("KafkaSource", "metrics-to-detect")["spec"]


def net(name):
    def of(key):
        return {"secretKeyRef": {"name": name, "key": key}}

    sasl = {"type": of("sasl.mechanism"), "user": of("user"), "password": of("password")}
    return {"sasl": {"enable": True, **sasl}}


def trigger(it):
    return it.one("Trigger", "model-fitted-to-detect")["spec"]


def policy(it, name):
    return it.one("NetworkPolicy", name)["spec"]


def scale(it, folder):
    return it.functions[folder]["deploy"]["options"]["scale"]


def pod(it):
    return it.one("StatefulSet", "aiops-redis")["spec"]["template"]["spec"]


def service(it, folder):
    return it.services[folder]["spec"]["template"]


def config(it, name="aiops-config"):
    return it.one("ConfigMap", name)["data"]


def redis_conf(it, old, new):
    config(it, "aiops-redis")["redis.conf"] = config(it, "aiops-redis")["redis.conf"].replace(
        old, new
    )


RETENTION = "autoscaling.knative.dev/scale-to-zero-pod-retention-period"
DEFECTS = {
    # fields
    "a field that is misspelt": (SCHEMA, lambda it: source(it).update(inital_offset="earliest")),
    "a misspelt field of Strimzi's": (
        SCHEMA, lambda it: it.one("Kafka", "aiops")["spec"]["kafka"].update(replica=3)),
    "ZooKeeper": (SCHEMA, lambda it: it.one("Kafka", "aiops")["spec"].update(zookeeper={})),
    "a misspelt field of Kubernetes' own": (SCHEMA, lambda it: pod(it).update(nodeSelektor={})),
    "a value of another type": (
        SCHEMA, lambda it: it.one("StatefulSet", "aiops-redis")["spec"].update(replicas="one")),
    "a duration that is none": (
        SCHEMA, lambda it: source(it)["delivery"].update(backoffDelay="500ms")),
    "a duration with months": (SCHEMA, lambda it: trigger(it)["delivery"].update(timeout="P1M")),
    "an API version that is gone": (
        SCHEMA, lambda it: it.all("KafkaTopic")[0].update(apiVersion="kafka.strimzi.io/v1beta2")),
    "a kind nobody knows": (SCHEMA, lambda it: it.all("Trigger")[0].update(kind="Triger")),
    "a name taken twice": (SCHEMA, lambda it: it.documents.append(it.all("Trigger")[0])),
    # topics
    "a topic renamed": (
        "topics-exist",
        lambda it: it.one("KafkaTopic", "anomalies")["metadata"].update(name="anomaly")),
    "a source of another topic": (
        "topics-exist", lambda it: source(it).update(topics=["telemetry"])),
    "a topic nothing knows": (
        "topics-known",
        lambda it: it.one("KafkaTopic", "logs")["metadata"].update(name="loges")),
    "more replicas than brokers": (
        "topic-replicas", lambda it: it.one("KafkaTopic", "metrics")["spec"].update(replicas=5)),
    "no replica may be missing": (
        "topic-replicas",
        lambda it: it.one("KafkaTopic", "metrics")["spec"]["config"].update(
            {"min.insync.replicas": "3"})),
    "incidents not compacted": (
        "topics-kept",
        lambda it: it.one("KafkaTopic", "incidents")["spec"]["config"].update(
            {"cleanup.policy": "delete"})),
    "a topic that never forgets": (
        "topics-kept",
        lambda it: it.one("KafkaTopic", "metrics")["spec"]["config"].pop("retention.ms")),
    "a topic of another cluster": (
        "kafka-cluster",
        lambda it: it.one("KafkaTopic", "metrics")["metadata"]["labels"].update(
            {"strimzi.io/cluster": "other"})),
    # who gets what
    "a sink that does not exist": (
        "sinks", lambda it: source(it)["sink"]["ref"].update(name="aiops-detector")),
    "a KafkaSink renamed": (
        "sinks", lambda it: it.one("KafkaSink", "events")["metadata"].update(name="happenings")),
    "an address for a sink": (
        "sinks", lambda it: source(it).update(sink={"uri": "http://aiops-detect.aiops"})),
    "a consumer group of another": (
        "consumer-groups", lambda it: source(it).update(consumerGroup="aiops-correlate-anomalies")),
    "two consumers of one topic": (
        "delivered-once",
        lambda it: it.one("KafkaSource", "events-to-detect")["spec"].update(topics=["metrics"])),
    "a source of the Broker's topic": (
        "delivered-once", lambda it: source(it).update(topics=["control"])),
    "two Triggers for the same": (
        "delivered-once",
        lambda it: trigger(it)["filter"]["attributes"].update(type="dev.aiops.feedback.given.v1")),
    "a Trigger on another Broker": ("brokers", lambda it: trigger(it).update(broker="default")),
    "a Broker on another topic": (
        "brokers",
        lambda it: it.one("Broker", "control")["metadata"]["annotations"].update(
            {"kafka.eventing.knative.dev/external.topic": "actions"})),
    "a Broker without its settings": (
        "brokers", lambda it: it.drop("ConfigMap", "kafka-broker-config")),
    "a type no code makes": (
        "event-types",
        lambda it: trigger(it)["filter"]["attributes"].update(type="dev.aiops.model.made.v1")),
    "a type nobody gets": (
        "event-types", lambda it: it.drop("Trigger", "training-requested-to-train")),
    "work of another stage": (
        "stages",
        lambda it: it.one("Trigger", "work-due-to-act")["spec"]["filter"]["attributes"].update(
            stage="correlate")),
    "a clock that ticks seldom": (
        "clock", lambda it: it.one("PingSource", "tick")["spec"].update(schedule="*/5 * * * *")),
    "no clock": ("clock", lambda it: it.drop("PingSource", "tick")),
    # delivery
    "delivery without retry": ("retries", lambda it: source(it)["delivery"].pop("retry")),
    "no delivery at all": ("retries", lambda it: trigger(it).pop("delivery")),
    "no dead letters": (
        "dead-letters", lambda it: trigger(it)["delivery"].pop("deadLetterSink")),
    "dead letters to another topic": (
        "dead-letters",
        lambda it: source(it)["delivery"]["deadLetterSink"]["ref"].update(name="events")),
    "less time than a cold start takes": (
        "delivery-times", lambda it: source(it)["delivery"].update(timeout="PT10S")),
    "a partition held up for an hour": (
        "delivery-times", lambda it: source(it)["delivery"].update(retry=12)),
    "events in any order": ("order", lambda it: source(it).update(ordering="unordered")),
    "a Trigger in any order": (
        "order",
        lambda it: it.one("Trigger", "model-fitted-to-detect")["metadata"].pop("annotations")),
    "only what comes from now on": ("order", lambda it: source(it).pop("initialOffset")),
    # settings
    "a setting renamed": (
        "config-keys", lambda it: config(it).update(area=config(it).pop("domain"))),
    "a setting for nobody": ("unused-config-keys", lambda it: config(it).update(colour="blue")),
    "a mounted ConfigMap renamed": (
        "config-keys",
        lambda it: it.one("ConfigMap", "aiops-runbooks")["metadata"].update(name="runbooks")),
    "a key of a Secret renamed": (
        "secret-keys",
        lambda it: it.env("detect", "REDIS_URL").update(value="{{ secret:aiops-redis:url }}")),
    "a Secret nothing makes": (
        "secret-keys", lambda it: it.drop("ExternalSecret", "aiops-gateway")),
    "a key of a Secret for nobody": (
        "secret-keys",
        lambda it: it.one("ExternalSecret", "aiops-gateway")["spec"]["data"].append(
            {"secretKey": "nagios.tokens", "remoteRef": {"key": "aiops-gateway"}})),
    "a channel's key that is misspelt": (
        "channel-keys",
        lambda it: it.one("ExternalSecret", "aiops-channels")["spec"].update(
            data=[{"secretKey": "SLACK_WEBHOOK", "remoteRef": {"key": "slack"}}])),
    "a Secret in clear": (
        "plain-secrets",
        lambda it: it.documents.append(
            {"apiVersion": "v1", "kind": "Secret", "stringData": {"detect": "redis://x"},
             "metadata": {"name": "mine", "namespace": "aiops"}})),
    "a password in a ConfigMap": (
        "plain-secrets",
        lambda it: config(it).update({"loki.url": "http://me:secret@loki:3100"})),
    "a password in func.yaml": (
        "plain-secrets",
        lambda it: it.env("act", "REDIS_URL").update(value="redis://act:secret@redis:6379")),
    "a variable that is misspelt": (
        "variables", lambda it: it.env("detect", "REDIS_WAIT").update(name="REDIS_WAITS")),
    "a variable that is missing": (
        "variables",
        lambda it: it.functions["act"]["run"]["envs"].remove(it.env("act", "REDIS_URL"))),
    # functions
    "another function's target": (
        "function-names", lambda it: it.env("train", "FUNCTION_TARGET").update(value="detect")),
    "another port": (
        "probes-and-port",
        lambda it: it.functions["act"]["run"]["envs"].append({"name": "PORT", "value": "9000"})),
    "another probe": (
        "probes-and-port",
        lambda it: it.functions["act"]["deploy"].update(
            healthEndpoints={"liveness": "/healthz", "readiness": "/health/readiness"})),
    "no thread for probes": ("threads", lambda it: it.env("act", "THREADS").update(value="4")),
    "a function that never ends": ("scale", lambda it: scale(it, "detect").update(min=1)),
    "no limit of instances": ("scale", lambda it: scale(it, "detect").update(max=0)),
    "a target above what is taken": ("scale", lambda it: scale(it, "act").update(target=9)),
    "more instances than partitions": (
        "partitions", lambda it: scale(it, "detect").update(max=100)),
    "fewer partitions than instances": (
        "partitions",
        lambda it: [topic["spec"].update(partitions=1) for topic in it.all("KafkaTopic")]),
    "a function reached from outside": (
        "visibility", lambda it: it.functions["act"]["deploy"].pop("labels")),
    "a gateway nobody reaches": (
        "visibility",
        lambda it: it.functions["gateway"]["deploy"].update(
            labels=it.functions["act"]["deploy"]["labels"])),
    "an annotation of the autoscaler in func.yaml": (
        "autoscaling-annotations",
        lambda it: it.functions["act"]["deploy"].update(annotations={RETENTION: "5m"})),
    "an annotation on the Service itself": (
        "autoscaling-annotations",
        lambda it: it.services["act"]["metadata"].update(annotations={RETENTION: "5m"})),
    "an annotation out of range": (
        "autoscaling-annotations",
        lambda it: service(it, "act")["metadata"]["annotations"].update({RETENTION: "2h"})),
    "an annotation without a unit": (
        "autoscaling-annotations",
        lambda it: service(it, "act")["metadata"]["annotations"].update({RETENTION: "300"})),
    "an adjustment of no function": (
        "adjustments", lambda it: it.services.update(deliver=it.services["act"])),
    "an adjustment of what func.yaml says": (
        "adjustments", lambda it: service(it, "act")["spec"].update(containerConcurrency=9)),
    "an instance that outlives delivery": (
        "time-outs", lambda it: service(it, "act")["spec"].update(timeoutSeconds=90)),
    "an instance that gives up early": (
        "time-outs", lambda it: service(it, "train")["spec"].update(timeoutSeconds=60)),
    # rights
    "an object of another namespace": (
        "namespaces",
        lambda it: it.one("Broker", "control")["metadata"].update(namespace="default")),
    "a sink in another namespace": (
        "namespaces", lambda it: source(it)["sink"]["ref"].update(namespace="default")),
    "an account that does not exist": (
        "accounts", lambda it: it.functions["act"]["deploy"].update(serviceAccountName="actor")),
    "a token for who needs none": (
        "accounts",
        lambda it: it.functions["detect"]["deploy"].update(serviceAccountName="aiops-act")),
    "a watcher that may not watch": (
        "rights-missing",
        lambda it: it.one("ClusterRole", "aiops-events")["rules"][0].update(verbs=["get", "list"])),
    "a watcher nobody bound": (
        "rights-missing", lambda it: it.drop("ClusterRoleBinding", "aiops-events")),
    "rights to everything": (
        "rights-too-wide",
        lambda it: it.one("ClusterRole", "aiops-events")["rules"][0].update(resources=["*"])),
    "rights to change the cluster": (
        "rights-too-wide",
        lambda it: it.one("ClusterRole", "aiops-events")["rules"][0]["verbs"].append("delete")),
    "a binding of another role": (
        "bindings",
        lambda it: it.one("ClusterRoleBinding", "aiops-events")["roleRef"].update(name="view")),
    # pods
    "an image without a digest": (
        "images", lambda it: it.documents.append(it.one("StatefulSet", "aiops-redis"))),
    "an image without a version": (
        "images", lambda it: pod(it)["containers"][0].update(image="docker.io/valkey/valkey")),
    "a pod that runs as root": (
        "pod-security", lambda it: pod(it)["securityContext"].pop("runAsNonRoot")),
    "a root that can be written": (
        "pod-security", lambda it: pod(it)["containers"][0].pop("securityContext")),
    "memory without limit": (
        "pod-resources", lambda it: pod(it)["containers"][0]["resources"].pop("limits")),
    "a Service to another port": (
        "ports",
        lambda it: it.one("Service", "aiops-redis")["spec"]["ports"][0].update(targetPort=6380)),
    # servers
    "a source told another Kafka": (
        "kafka-address", lambda it: source(it).update(bootstrapServers=["kafka:9092"])),
    "a source that tells Kafka alone who it is": (
        "kafka-access", lambda it: source(it).update(net=net("aiops-kafka"))),
    "a source with a Secret of its own": (
        "secret-keys", lambda it: source(it).update(net=net("kafka"))),
    "a port Kafka does not listen on": (
        "kafka-listener",
        lambda it: it.one("Kafka", "aiops")["spec"]["kafka"]["listeners"][0].update(port=9094)),
    "Redis that evicts": ("redis", lambda it: redis_conf(it, "noeviction", "allkeys-lru")),
    "Redis that forgets": ("redis", lambda it: redis_conf(it, "appendonly yes", "appendonly no")),
    # networks
    "nothing closed": ("network-closed", lambda it: it.drop("NetworkPolicy", "closed")),
    "a port nobody serves on": (
        "network-in",
        lambda it: policy(it, "functions-in")["ingress"][0]["ports"].append(
            {"protocol": "TCP", "port": 8080})),
    "no way in": ("network-in", lambda it: it.drop("NetworkPolicy", "functions-in")),
    "no way to Redis": (
        "network-out", lambda it: policy(it, "functions-out")["egress"][0]["ports"].pop(0)),
}  # fmt: skip
IN_DEV = {
    "images", "pod-security", "pod-resources", "ports", "redis", SCHEMA,
}  # fmt: skip
"""Checks of what only the overlay with a Redis of its own has."""


@pytest.mark.parametrize("name", ["dev", "managed", "prod"])
def test_what_is_shipped_is_right(overlays: dict[str, Draft], name: str) -> None:
    assert overlays[name].found() == {}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_is_found_by_the_check_of_its_class(
    overlays: dict[str, Draft], defect: str
) -> None:
    check, seed = DEFECTS[defect]
    broken = fresh(overlays["dev" if check in IN_DEV else "prod"])
    if defect == "an image without a digest":
        broken = fresh(overlays["dev"])
        broken.production = True
    else:
        seed(broken)
    said = broken.found()
    assert said.get(check), f"found instead: {said}"


def test_every_check_finds_at_least_one_defect_here() -> None:
    assert {check for check, _ in DEFECTS.values()} == {*CHECKS, SCHEMA}
    assert len(CHECKS) >= 25


def test_the_renderer_is_the_one_that_applies() -> None:
    found = renderer()
    assert found is not None
    assert found[0] == (shutil.which("kubectl") or shutil.which("kustomize"))
