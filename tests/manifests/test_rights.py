"""What act may do in a cluster is what its operations call, and no more."""

from itertools import product
from pathlib import Path

import yaml

from functions.act.job_templates import job, load_templates, parameters_of
from functions.act.operation import Order
from local.kubernetes.calling import ALLOWED
from local.manifests import load

ROOT = Path(__file__).resolve().parents[2]
RIGHTS = ROOT / "knative" / "rights"
GROUPS = {"pods": "", "jobs": "batch"}


def read(name):
    return yaml.safe_load((RIGHTS / name).read_text(encoding="utf-8"))


def test_the_role_grants_what_the_stand_in_allows_by_which_every_operation_is_tested():
    granted = {}
    for rule in read("role.yaml")["rules"]:
        assert set(rule) == {"apiGroups", "resources", "verbs"}
        for group, resource in product(rule["apiGroups"], rule["resources"]):
            assert group == GROUPS.get(resource, "apps")
            assert resource not in granted
            granted[resource] = frozenset(rule["verbs"])
    assert granted == ALLOWED
    assert "*" not in str(granted)
    assert "secrets" not in granted


def test_the_role_is_given_to_act_alone_and_in_one_namespace_at_a_time():
    binding = read("rolebinding.yaml")
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "aiops-act", "namespace": "aiops"}
    ]
    assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) == ("Role", "aiops-act")
    for name in read("kustomization.yaml")["resources"]:
        assert read(name)["kind"] in {"Role", "RoleBinding"}, "nothing that holds for a cluster"
        assert "namespace" not in read(name)["metadata"], "whoever applies it says where"


def test_the_shipped_templates_are_valid(tmp_path):
    for name, text in load(ROOT / "knative" / "base").config()["aiops-jobs"].items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    order = Order("0" * 32, "i-1", "flush", 0)
    for name, template in load_templates(str(tmp_path)).items():
        given = dict.fromkeys(parameters_of(template), "cart-cache")
        made = job(template, name, "payments", given, order)
        assert made["spec"]["backoffLimit"] == 0
        assert made["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] == "cart-cache"
