"""What a cluster is given fits together."""

import shutil
import subprocess
from pathlib import Path

import pytest

from aiops import topics
from aiops.plugins import available
from aiops.plugins import load as load_plugin
from functions.act.wiring import CHANNELS
from local.delivery.cron import Schedule
from local.func_file import FuncFile, load_functions
from local.manifests import load
from local.objects import DeliverySpec, Destination
from local.settings import CHANNEL_SECRETS

ROOT = Path(__file__).resolve().parents[2]
BASE = ROOT / "knative" / "base"
OBJECTS = load(BASE)
FUNCTIONS: dict[str, FuncFile] = {
    folder.name: func for folder, func in load_functions(ROOT / "functions").items()
}
SERVICES = {func.name for func in FUNCTIONS.values()}

DELIVERIES: dict[str, DeliverySpec] = {
    **{each.metadata.name: each.spec.delivery for each in OBJECTS.sources},
    **{each.metadata.name: each.spec.delivery for each in OBJECTS.triggers},
}
SINKS: dict[str, Destination] = {
    **{each.metadata.name: each.spec.sink for each in OBJECTS.sources},
    **{each.metadata.name: each.spec.sink for each in OBJECTS.pings},
    **{each.metadata.name: each.spec.subscriber for each in OBJECTS.triggers},
}


@pytest.mark.parametrize("name", SINKS)
def test_events_go_to_a_function_that_exists(name: str) -> None:
    ref = SINKS[name].ref
    assert ref is not None
    assert (ref.api_version, ref.kind) == ("serving.knative.dev/v1", "Service")
    assert ref.name in SERVICES


def test_events_of_the_cluster_are_watched_whole_everywhere_and_kept() -> None:
    """A reference would be of no use, and a sink that is away would lose what is sent to it."""
    (watcher,) = OBJECTS.watchers
    assert watcher.spec.mode == "Resource"
    assert [(one.api_version, one.kind) for one in watcher.spec.resources] == [("v1", "Event")]
    assert watcher.spec.namespace_selector is not None
    assert not watcher.spec.namespace_selector.match_labels, "an empty one stands for all"
    ref = watcher.spec.sink.ref
    assert ref is not None
    assert (ref.api_version, ref.kind) == ("eventing.knative.dev/v1alpha1", "KafkaSink")
    assert OBJECTS.sink(ref.name).spec.topic == topics.EVENTS
    (source,) = (one for one in OBJECTS.sources if topics.EVENTS in one.spec.topics)
    assert source.spec.sink.ref is not None
    assert source.spec.sink.ref.name == "aiops-detect"


def test_who_watches_the_cluster_may_read_events_and_do_nothing_else() -> None:
    (watcher,) = OBJECTS.watchers
    account = watcher.spec.service_account_name
    assert account not in {func.deploy.service_account_name for func in FUNCTIONS.values()}
    (binding,) = OBJECTS.bindings
    (role,) = OBJECTS.roles
    assert [one.name for one in binding.subjects] == [account]
    assert binding.role_ref.name == role.metadata.name
    (rule,) = role.rules
    assert rule.api_groups == ("",)
    assert rule.resources == ("events",)
    assert set(rule.verbs) == {"get", "list", "watch"}
    (found,) = (one for one in OBJECTS.accounts if one.metadata.name == account)
    assert found.automount_service_account_token


def test_every_topic_that_is_named_exists() -> None:
    existing = {each.metadata.name for each in OBJECTS.topics}
    assert set(topics.ALL) <= existing
    assert {topic for each in OBJECTS.sources for topic in each.spec.topics} <= existing
    assert {each.spec.topic for each in OBJECTS.sinks} <= existing
    assert {each.topic for each in OBJECTS.brokers} <= existing


def test_topics_have_the_partitions_that_bound_concurrency() -> None:
    assert {each.metadata.name: each.spec.partitions for each in OBJECTS.topics} == {
        "metrics": 12,
        "logs": 6,
        "traces": 6,
        "events": 6,
        "anomalies": 6,
        "incidents": 6,
        "control": 3,
        "actions": 3,
        "aiops-dlq": 3,
    }


def test_incidents_are_kept_compacted() -> None:
    policies = {each.metadata.name: each.spec.config["cleanup.policy"] for each in OBJECTS.topics}
    assert policies.pop("incidents") == "compact,delete"
    assert set(policies.values()) == {"delete"}


@pytest.mark.parametrize("name", DELIVERIES)
def test_an_event_is_retried_and_then_kept(name: str) -> None:
    delivery = DELIVERIES[name]
    assert delivery.retry >= 1, "delivery without retry means none"
    assert delivery.dead_letter_sink is not None
    assert delivery.dead_letter_sink.ref is not None
    assert delivery.dead_letter_sink.ref.kind == "KafkaSink"
    assert OBJECTS.sink(delivery.dead_letter_sink.ref.name).spec.topic == topics.DEAD_LETTERS


@pytest.mark.parametrize("name", DELIVERIES)
def test_a_request_may_take_longer_than_a_function_takes_to_give_up(name: str) -> None:
    assert DELIVERIES[name].timeout >= 60


def test_consumer_groups_are_stated_and_unique() -> None:
    groups = [
        *(each.spec.consumer_group for each in OBJECTS.sources),
        *(each.consumer_group for each in OBJECTS.triggers),
    ]
    assert len(set(groups)) == len(groups)


def test_everything_is_delivered_in_order_and_from_the_beginning() -> None:
    assert {each.spec.ordering for each in OBJECTS.sources} == {"ordered"}
    assert {each.spec.initial_offset for each in OBJECTS.sources} == {"earliest"}
    assert all(trigger.ordered for trigger in OBJECTS.triggers)


def test_no_function_gets_a_topic_twice() -> None:
    pairs = [
        *((topic, each.spec.sink) for each in OBJECTS.sources for topic in each.spec.topics),
    ]
    assert len(set(pairs)) == len(pairs)
    assert not {topic for topic, _ in pairs} & {broker.topic for broker in OBJECTS.brokers}


def test_triggers_are_on_a_broker_that_exists_and_differ_in_what_they_ask_for() -> None:
    asked = [
        (each.spec.broker, each.spec.subscriber, frozenset(each.spec.filter.attributes.items()))
        for each in OBJECTS.triggers
    ]
    assert len(set(asked)) == len(asked)
    assert {broker for broker, _, _ in asked} <= {each.metadata.name for each in OBJECTS.brokers}


def test_a_trigger_asks_for_a_type_and_work_due_for_the_stage_of_its_own_function() -> None:
    for trigger in OBJECTS.triggers:
        attributes = trigger.spec.filter.attributes
        assert attributes["type"].startswith("dev.aiops.")
        assert trigger.spec.subscriber.ref is not None
        if attributes["type"] == "dev.aiops.work.due.v1":
            assert attributes["stage"] == trigger.spec.subscriber.ref.name.removeprefix("aiops-")


def test_the_clock_ticks_each_minute() -> None:
    (tick,) = OBJECTS.pings
    assert Schedule.parse(tick.spec.schedule).next_after(0) == 60_000


def test_nothing_of_ours_runs_all_the_time_but_the_clock() -> None:
    """Incidents end and people are told without a process that waits for it."""
    resident = {name for name, func in FUNCTIONS.items() if func.deploy.options.scale.min}
    assert resident <= {"gateway"}, "only who answers people at once may stay"
    assert len(OBJECTS.pings) == 1
    text = "".join(file.read_text(encoding="utf-8") for file in BASE.glob("*.yaml"))
    kinds = {line.removeprefix("kind: ") for line in text.splitlines() if line.startswith("kind: ")}
    assert not kinds & {"Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "Pod"}


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_a_function_is_named_after_its_folder_and_starts_its_own_target(folder: str) -> None:
    func = FUNCTIONS[folder]
    environ = {variable.name: variable.value for variable in func.run.envs}
    assert func.name == f"aiops-{folder}"
    assert environ["FUNCTION_TARGET"] == folder
    assert environ["FUNCTION_SIGNATURE_TYPE"] == "http"
    assert int(environ["THREADS"]) >= func.deploy.options.resources.limits.concurrency
    assert (ROOT / "functions" / folder / "main.py").is_file()


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_a_function_refers_only_to_config_that_exists(folder: str) -> None:
    config = OBJECTS.config()
    for variable in FUNCTIONS[folder].run.envs:
        if "configMap:" in variable.value:
            _, name, key = variable.value.strip("{} ").split(":")
            assert key in config[name], variable
    for volume in FUNCTIONS[folder].run.volumes:
        assert volume.config_map in config


@pytest.mark.parametrize("name", available(CHANNELS))
def test_every_setting_of_a_channel_can_be_given_and_none_has_to_be(name: str) -> None:
    named = {variable.name: variable.value for variable in FUNCTIONS["act"].run.envs}
    plugin = load_plugin(CHANNELS, name, "Channel")
    for setting in (*plugin.needs, *plugin.takes):
        assert setting in CHANNEL_SECRETS or setting in named, setting
        assert "secret:" not in named.get(setting, ""), "a pod without that key would not start"
    assert "{{ secret:aiops-channels }}" in {one.value for one in FUNCTIONS["act"].run.envs}


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_one_generation_holds_for_all_and_whoever_keeps_state_may_wait_for_replicas(
    folder: str,
) -> None:
    environ = {variable.name: variable.value for variable in FUNCTIONS[folder].run.envs}
    assert environ["AIOPS_GENERATION"] == "{{ configMap:aiops-config:generation }}"
    if folder not in {"collect", "gateway"}:
        assert environ["REDIS_WAIT"] == "{{ configMap:aiops-config:redis.wait }}"


def test_only_the_gateway_is_reached_from_outside_and_is_always_there() -> None:
    local = {
        folder
        for folder, func in FUNCTIONS.items()
        if any(
            (label.key, label.value) == ("networking.knative.dev/visibility", "cluster-local")
            for label in func.deploy.labels
        )
    }
    assert set(FUNCTIONS) - local == {"gateway"}
    assert FUNCTIONS["gateway"].deploy.options.scale.min == 1
    assert not {ref.name for ref in (sink.ref for sink in SINKS.values()) if ref} & {
        "aiops-gateway"
    }


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_only_act_has_a_token_for_the_api_server(folder: str) -> None:
    accounts = {each.metadata.name: each for each in OBJECTS.accounts}
    account = accounts[FUNCTIONS[folder].deploy.service_account_name]
    assert account.automount_service_account_token == (folder == "act")


KUBECTL = shutil.which("kubectl")


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")
def test_kustomize_renders_every_object() -> None:
    done = subprocess.run(
        [str(KUBECTL), "kustomize", str(BASE)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    count = sum(
        len(some)
        for some in (
            OBJECTS.topics,
            OBJECTS.sources,
            OBJECTS.sinks,
            OBJECTS.brokers,
            OBJECTS.triggers,
            OBJECTS.pings,
            OBJECTS.config_maps,
            OBJECTS.accounts,
            OBJECTS.watchers,
            OBJECTS.roles,
            OBJECTS.bindings,
        )
    )
    assert done.stdout.count("\nkind: ") == count + len(["Namespace"])
