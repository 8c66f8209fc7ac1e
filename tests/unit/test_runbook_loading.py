"""Runbooks as files: what is taken, what is refused, and what never leaves a placeholder."""

import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aiops.errors import Misconfigured
from functions.act.runbooks import loading
from functions.act.runbooks.loading import load_runbooks, parse_runbook
from functions.act.runbooks.opening import open_shelf
from functions.act.runbooks.placeholders import Unresolved, check, is_name, resolved
from tests.runbooks import Pretended

WRITTEN = """
apiVersion: aiops/v1
kind: Runbook
metadata: {name: restart-on-memory-leak, owner: team-payments}
match: {root_cause.metric: "memory_*", labels.namespace: ["payments"], min_confidence: 0.8,
        min_severity: 4}
guard: {mode: approve, allow_namespaces: [payments], deny_labels: {aiops.io/protected: "true"},
        cooldown: 30m, max_per_hour: 3, max_targets: 1, blast_radius_max: 5,
        window: {zone: Europe/Berlin, windows: ["mon-fri 08:00-18:00"]},
        approve_ttl: 15m, min_approvers: 1}
steps:
  - touch: {name: "{{ labels.deployment }}"}
verify: {metric: recovered, within: 10m, on_fail: page}
"""


class Needy(Pretended):
    needs = ("CLUSTER_URL",)

    def __init__(self, values):
        super().__init__()
        self.values = values


@pytest.fixture(autouse=True)
def operations(monkeypatch):
    kinds = {"touch": Needy}

    def find(kind):
        if kind not in kinds:
            raise Misconfigured(f"no operation named {kind!r}; there is touch")
        return kinds[kind]

    monkeypatch.setattr(loading, "operation_class", find)
    monkeypatch.setattr("functions.act.runbooks.opening.operation_class", find)


def document(**parts):
    found = yaml.safe_load(WRITTEN)
    for part, value in parts.items():
        found[part] = found[part] | value if isinstance(value, dict) else value
    return found


def test_a_runbook_is_read_as_it_is_written(tmp_path):
    (tmp_path / "restart.yaml").write_text(WRITTEN)
    (tmp_path / "notes.txt").write_text("not: a runbook")
    (found,) = load_runbooks(str(tmp_path))
    assert found.name == "restart-on-memory-leak"
    assert found.match.metric == ("memory_*",)
    assert found.match.labels == {"namespace": ("payments",)}
    assert found.operations == (("touch", {"name": "{{ labels.deployment }}"}),)
    assert found.guard.window.zone == "Europe/Berlin"


def test_everything_is_guarded_unless_it_is_told_otherwise():
    content = document()
    del content["guard"], content["verify"]
    guard = parse_runbook(content, "here").guard
    assert guard.mode == "dry-run"
    assert guard.allow_namespaces == ()
    assert guard.deny_labels == {"aiops.io/protected": "true"}
    assert (guard.max_targets, guard.min_approvers, guard.max_per_hour) == (1, 1, 3)


def test_off_is_a_mode_although_yaml_takes_it_for_false():
    content = yaml.safe_load(WRITTEN.replace("mode: approve", "mode: off"))
    assert content["guard"]["mode"] is False
    assert parse_runbook(content, "here").guard.mode == "off"


def test_no_folder_means_no_runbooks_and_a_wrong_one_stops_the_start(tmp_path):
    assert load_runbooks("") == ()
    assert load_runbooks(str(tmp_path)) == ()
    with pytest.raises(Misconfigured, match="RUNBOOK_DIR: no folder"):
        load_runbooks(str(tmp_path / "missing"))


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({"apiVersion": "aiops/v2"}, "apiVersion"),
        ({"kind": "Cookbook"}, "kind"),
        ({"metadata": {"name": "Restart It"}}, "metadata.name"),
        ({"metadata": {"colour": "red"}}, "metadata.colour"),
        ({"match": {"root_cause.service": "cart"}}, "match.root_cause.service"),
        ({"match": {"min_confidence": 80}}, "match.min_confidence"),
        ({"match": {"min_severity": "4"}}, "match.min_severity"),
        ({"match": {"labels.x": []}}, "match.labels.x"),
        ({"guard": {"mode": "yolo"}}, "guard.mode"),
        ({"guard": {"mode": True}}, "guard.mode"),
        ({"guard": {"cooldown": "half an hour"}}, "guard.cooldown"),
        ({"guard": {"cooldown": 30}}, "guard.cooldown"),
        ({"guard": {"max_targets": 0}}, "guard.max_targets"),
        ({"guard": {"allow_namespaces": ["*"]}}, "guard.allow_namespaces.0"),
        ({"guard": {"window": "always"}}, "guard.window"),
        ({"guard": {"window": {"zone": "Mars", "windows": ["08:00-09:00"]}}}, "guard.window.zone"),
        ({"steps": []}, "steps"),
        ({"steps": [{"shell": {"command": "rm -rf /"}}]}, "steps.0.shell"),
        ({"steps": [{"touch": {"name": "a"}, "scale": {}}]}, "steps.0"),
        ({"steps": [{"touch": {"name": "a", "force": True}}]}, "steps.0.touch.force"),
        ({"steps": [{"touch": {"name": "A_B"}}]}, "steps.0.touch.name"),
        ({"steps": [{"touch": {"name": "{{ reason }}"}}]}, "steps.0.touch"),
        ({"steps": [{"touch": {"name": "{{ labels.a | shell }}"}}]}, "steps.0.touch"),
        ({"steps": [{"touch": {"name": "{{ labels.__class__.mro() }}"}}]}, "steps.0.touch"),
        ({"steps": [{"touch": {"{{ labels.a }}": "b"}}]}, "steps.0.touch"),
        ({"verify": {"within": "soon"}}, "verify.within"),
    ],
)
def test_what_is_wrong_is_named_with_its_file_and_field(tmp_path, parts, field):
    file = tmp_path / "wrong.yaml"
    file.write_text(yaml.safe_dump(document(**parts)))
    with pytest.raises(Misconfigured) as wrong:
        load_runbooks(str(tmp_path))
    assert str(wrong.value).startswith(f"{file}: {field}"), wrong.value


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "- just\n- a list\n",
        "!!python/object/apply:os.system ['true']",
        "match: &a [*a]",
        "metadata: {name: 2026-01-01}",
        "x: .nan",
        "\x00",
        "[" * 3_000,
    ],
)
def test_junk_is_refused_with_the_name_of_its_file(tmp_path, text):
    file = tmp_path / "junk.yaml"
    file.write_text(text)
    with pytest.raises(Misconfigured, match=re.escape(str(file))):
        load_runbooks(str(tmp_path))


def test_bytes_that_are_no_text_and_files_too_large_are_refused(tmp_path):
    file = tmp_path / "junk.yaml"
    for content in (b"\xff\xfe\x00", b"#" * 70_000):
        file.write_bytes(content)
        with pytest.raises(Misconfigured, match=r"junk\.yaml"):
            load_runbooks(str(tmp_path))


def test_two_runbooks_of_one_name_are_refused(tmp_path):
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(WRITTEN)
    with pytest.raises(Misconfigured, match=r"metadata\.name: restart.* is that of a\.yaml"):
        load_runbooks(str(tmp_path))


def test_a_runbook_whose_operation_lacks_a_setting_stops_the_start(tmp_path):
    (tmp_path / "restart.yaml").write_text(WRITTEN)
    with pytest.raises(Misconfigured, match="CLUSTER_URL: not set, and restart-on-memory-leak"):
        open_shelf(str(tmp_path), {}.get)
    shelf = open_shelf(str(tmp_path), {"CLUSTER_URL": "https://here"}.get)
    assert shelf.operations["touch"].values == {"CLUSTER_URL": "https://here"}


def test_a_runbook_that_is_off_needs_no_settings(tmp_path):
    (tmp_path / "restart.yaml").write_text(WRITTEN.replace("mode: approve", "mode: off"))
    shelf = open_shelf(str(tmp_path), {}.get)
    assert ([one.name for one in shelf.runbooks], shelf.operations) == (
        ["restart-on-memory-leak"],
        {},
    )


HOSTILE = (
    "../../secrets",
    "..",
    "a/../b",
    "%2e%2e%2f",
    "cart%2fexec",
    "$(reboot)",
    "`id`",
    "a;b",
    "a b",
    "a\n",
    "{{ labels.namespace }}",
    "{{labels.deployment}}",
    "http://169.254.169.254/latest",
    "<!channel>",
    "cart?dryRun=All",
    "cart#",
    "-rf",
    "Cart",
    "cärt",
    "\uff43art",
    ".cart",
    "",
    "a" * 254,
    "a" * 100_000,
    "a." * 50_000,
)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:20]))
def test_what_somebody_wrote_into_a_label_reaches_no_argument(text):
    labels = {"deployment": text, "namespace": "payments"}
    value = {"name": "{{ labels.deployment }}", "deep": ["x-{{ labels.deployment }}"]}
    with pytest.raises(Unresolved) as refused:
        resolved(value, "cart", labels)
    assert len(str(refused.value)) < 200
    assert not text or text not in str(refused.value) or text in "labels.deployment"


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:20]))
def test_nor_what_somebody_called_a_service_or_a_namespace(text):
    with pytest.raises(Unresolved):
        resolved("{{ service }}", text, {})
    with pytest.raises(Unresolved):
        resolved("{{ namespace }}", "cart", {"namespace": text})


@given(st.text(max_size=300))
def test_whatever_gets_through_is_a_name_and_nothing_else(text):
    try:
        found = resolved("{{ labels.x }}", "cart", {"x": text})
    except Unresolved:
        return
    assert re.fullmatch(r"[a-z0-9.-]{1,253}", found)
    assert ".." not in found
    assert found == text


def test_placeholders_are_replaced_once_and_everywhere():
    labels = {"app.kubernetes.io/name": "cart", "kubernetes_namespace": "payments"}
    value = {"name": "{{labels.app.kubernetes.io/name}}-x", "list": ["{{ namespace }}", 1, None]}
    assert resolved(value, "s", labels) == {"name": "cart-x", "list": ["payments", 1, None]}
    with pytest.raises(Unresolved, match=r"labels\.y is absent"):
        resolved("{{ labels.y }}", "s", labels)


@pytest.mark.parametrize("text", ["{{ x }}", "{{", "}}", "{{ labels. }}", "{% if a %}{{ b }}"])
def test_braces_that_are_no_placeholder_are_refused(text):
    with pytest.raises(Unresolved):
        check({"a": [text]})


def test_names_are_those_of_kubernetes():
    assert all(map(is_name, ("a", "cart-2", "a.b-c.d", "0" * 253)))
    assert not any(map(is_name, ("a.", "a..b", "a-.b", "_a", "a_b", "٣")))
