"""The runbooks that are shipped, and those that documents show, are valid."""

import re
from pathlib import Path

import pytest
import yaml

from aiops.plugins import available
from functions.act.operation import OPERATIONS
from functions.act.runbooks.loading import load_runbooks, operation_class, parse_runbook
from functions.act.runbooks.matching import mismatch
from functions.act.runbooks.opening import open_shelf
from local.func_file import load_functions
from local.manifests import load
from local.settings import CHANNEL_SECRETS, CLUSTER_SETTINGS
from tests.incidents import evidence, incident, suspect

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = load(ROOT / "knative" / "base").config()["aiops-runbooks"]
SHOWN = re.findall(
    r"```yaml\n(apiVersion: aiops/v1\n.*?)```",
    (ROOT / "docs" / "runbooks.md").read_text(encoding="utf-8"),
    re.DOTALL,
)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_runbook_is_valid_named_after_its_file_and_off(name: str) -> None:
    runbook = parse_runbook(yaml.safe_load(SHIPPED[name]), name)
    assert name == f"{runbook.name}.yaml"
    assert runbook.guard.mode == "off", "nothing is touched before somebody says so"


def test_act_reads_the_folder_they_are_mounted_at_and_starts_with_them(tmp_path: Path) -> None:
    act = next(func for func in load_functions(ROOT / "functions").values() if "act" in func.name)
    folder = next(one.value for one in act.run.envs if one.name == "RUNBOOK_DIR")
    assert folder in {one.path for one in act.run.volumes if one.config_map == "aiops-runbooks"}
    for name, text in SHIPPED.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert len(open_shelf(str(tmp_path), {}.get).runbooks) == len(SHIPPED)


def test_the_example_in_the_documents_is_valid_and_answers_the_incident_it_is_told_of(
    tmp_path: Path,
) -> None:
    assert len(SHOWN) == 1
    (tmp_path / "shown.yaml").write_text(SHOWN[0], encoding="utf-8")
    (runbook,) = load_runbooks(str(tmp_path))
    labels = {"service": "cart", "namespace": "payments", "deployment": "cart"}
    cause = suspect("cart", "container_memory_usage").model_copy(update={"confidence": 0.9})
    told = incident(
        evidence=(evidence("cart", "container_memory_usage", labels=labels),), root_cause=(cause,)
    )
    assert not mismatch(runbook.match, told)


@pytest.mark.parametrize("kind", available(OPERATIONS))
def test_every_setting_of_an_operation_reaches_act(kind: str) -> None:
    plugin = operation_class(kind)
    act = next(func for func in load_functions(ROOT / "functions").values() if "act" in func.name)
    told = {one.name for one in act.run.envs} | {*CHANNEL_SECRETS, *CLUSTER_SETTINGS}
    in_every_pod = {"KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"}
    assert {*plugin.needs, *plugin.takes} <= told | in_every_pod
