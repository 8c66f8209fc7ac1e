from pathlib import Path
from typing import Any

import pytest
import yaml

from aiops.errors import Misconfigured
from local.func_file import Variable, load_functions, resolve, resolve_all
from local.manifests import load, parse
from local.objects import duration_seconds

SOURCE: dict[str, Any] = {
    "apiVersion": "sources.knative.dev/v1",
    "kind": "KafkaSource",
    "metadata": {"name": "metrics-to-detect"},
    "spec": {
        "bootstrapServers": ["kafka:9092"],
        "topics": ["metrics"],
        "consumerGroup": "g",
        "sink": {"ref": {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "s"}},
    },
}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("PT0.5S", 0.5), ("PT60S", 60), ("PT1M30S", 90), ("PT2H", 7200), ("P1DT1S", 86_401)],
)
def test_iso_durations_are_read(text: str, seconds: float) -> None:
    assert duration_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "P", "PT", "5s", "PT5", "P1M", "-PT1S", 5, None])
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        duration_seconds(text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spec": {**SOURCE["spec"], "orderring": "ordered"}}, "spec.orderring"),
        ({"spec": {**SOURCE["spec"], "ordering": "sorted"}}, "spec.ordering"),
        ({"spec": {**SOURCE["spec"], "delivery": {"retry": -1}}}, "spec.delivery.retry"),
        ({"spec": {**SOURCE["spec"], "sink": {}}}, "spec.sink"),
        ({"apiVersion": "sources.knative.dev/v1alpha9"}, "apiVersion"),
        ({"kind": "KafkaSorce"}, "KafkaSorce metrics-to-detect"),
    ],
)
def test_a_wrong_field_is_named_with_its_object(change: dict[str, Any], message: str) -> None:
    with pytest.raises(Misconfigured, match=message) as raised:
        parse(SOURCE | change)
    assert "metrics-to-detect" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_broker_needs_the_class_and_topic_this_project_relies_on() -> None:
    with pytest.raises(Misconfigured, match=r"Broker control: .*external\.topic"):
        parse(
            {
                "apiVersion": "eventing.knative.dev/v1",
                "kind": "Broker",
                "metadata": {"name": "control"},
                "spec": {"config": {"apiVersion": "v1", "kind": "ConfigMap", "name": "c"}},
            }
        )


def write(folder: Path, *documents: dict[str, Any], **kustomization: object) -> Path:
    (folder / "kustomization.yaml").write_text(
        yaml.safe_dump({"resources": ["all.yaml"], **kustomization})
    )
    (folder / "all.yaml").write_text(yaml.safe_dump_all(documents))
    return folder


def test_two_objects_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="KafkaSource metrics-to-detect: there are two"):
        load(write(tmp_path, SOURCE, SOURCE))


def test_kustomize_features_that_change_objects_are_refused_not_ignored(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="patches"):
        load(write(tmp_path, SOURCE, patches=[]))


def test_a_missing_folder_and_broken_yaml_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"kustomization\.yaml"):
        load(tmp_path / "nowhere")
    write(tmp_path)
    (tmp_path / "all.yaml").write_text("a: [")
    with pytest.raises(Misconfigured, match=r"all\.yaml"):
        load(tmp_path)


SECRETS = {"aiops-redis": {"url": "redis://somewhere"}}
CONFIG = {"aiops-config": {"domain": "shop"}}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("8", "8"),
        ("{{ secret:aiops-redis:url }}", "redis://somewhere"),
        ("{{ configMap:aiops-config:domain }}", "shop"),
        ("{{ env:ZONE }}", "eu"),
    ],
)
def test_references_are_resolved(value: str, found: str) -> None:
    variable = Variable(name="X", value=value)
    assert resolve(variable, "func.yaml", {"ZONE": "eu"}, SECRETS, CONFIG) == found


@pytest.mark.parametrize(
    "value",
    [
        "{{ secret:aiops-redis:password }}",
        "{{ configMap:other:domain }}",
        "{{ env:NO }}",
        "{{ x }}",
    ],
)
def test_a_reference_without_a_value_names_the_variable(value: str) -> None:
    variable = Variable(name="REDIS_URL", value=value)
    with pytest.raises(Misconfigured, match=r"detect/func\.yaml: REDIS_URL: "):
        resolve(variable, "detect/func.yaml", {}, SECRETS, CONFIG)


def test_a_whole_secret_gives_a_variable_for_each_key_that_can_name_one() -> None:
    secrets = {"channels": {"SLACK_URL": "https://x", "slack.url": "https://y"}}
    variable = Variable(value="{{ secret:channels }}")
    assert resolve_all(variable, "func.yaml", {}, secrets, {}) == {"SLACK_URL": "https://x"}
    assert resolve_all(Variable(name="X", value="8"), "func.yaml", {}, {}, {}) == {"X": "8"}


@pytest.mark.parametrize(
    "value", ["{{ secret:other }}", "{{ secret:aiops-redis:url }}", "{{ env:HOME }}", "8"]
)
def test_an_entry_without_a_name_that_is_no_whole_secret_is_refused(value: str) -> None:
    with pytest.raises(Misconfigured, match=r"act/func\.yaml: "):
        resolve_all(Variable(value=value), "act/func.yaml", {}, SECRETS, CONFIG)


def test_an_unknown_field_of_a_func_yaml_is_named(tmp_path: Path) -> None:
    (tmp_path / "detect").mkdir()
    (tmp_path / "detect" / "func.yaml").write_text("name: aiops-detect\nbiuld: {}\n")
    with pytest.raises(Misconfigured, match=r"detect/func\.yaml: "):
        load_functions(tmp_path)
