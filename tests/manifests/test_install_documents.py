"""What the pages about installing show is rendered and checked like an overlay of ours."""

import os
import re
from pathlib import Path

import yaml

from local.checks.overlay import findings
from local.rendering import documents, render

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "install-managed.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
ELSEWHERE = "kafka.example.com:9092"
MANAGED = ROOT / "knative" / "overlays" / "managed"
MANAGED_TEXT = (MANAGED / "kustomization.yaml").read_text()


def shown(start: str) -> str:
    (found,) = [block for block in BLOCKS if block.startswith(start)]
    return found


def laid_out(folder: Path, kustomization: str) -> Path:
    """Write an overlay to a folder elsewhere; it still leads to the objects of this project."""
    up = os.path.relpath(ROOT / "knative", folder)
    (folder / "kustomization.yaml").write_text(kustomization.replace("../..", up))
    return folder


def test_the_overlay_for_a_kafka_elsewhere_is_good_and_names_no_other() -> None:
    text = render(MANAGED)
    assert not findings(MANAGED, text)
    assert "aiops-kafka-bootstrap" not in text
    kinds = [one["kind"] for one in documents(text)]
    assert "KafkaTopic" not in kinds
    assert text.count(ELSEWHERE) == 2 + kinds.count("KafkaSource") + kinds.count("KafkaSink")


def test_a_source_can_be_told_an_authority_of_ones_own(tmp_path: Path) -> None:
    overlay = laid_out(tmp_path, MANAGED_TEXT + shown("- target: {kind: KafkaSource}"))
    text = render(overlay)
    assert not findings(overlay, text)
    assert text.count("caCert:") == text.count("kind: KafkaSource\n")


def test_the_pull_secret_reaches_every_account(tmp_path: Path) -> None:
    added = shown("- target: {kind: ServiceAccount}")
    overlay = laid_out(tmp_path, MANAGED_TEXT + added)
    text = render(overlay)
    assert not findings(overlay, text)
    accounts = [one for one in documents(text) if one["kind"] == "ServiceAccount"]
    assert {one["metadata"]["name"] for one in accounts} >= {"aiops", "aiops-act"}
    assert all(one["imagePullSecrets"] == [{"name": "registry"}] for one in accounts)


def test_the_store_shown_is_the_one_the_component_asks() -> None:
    store = yaml.safe_load(shown("apiVersion: external-secrets.io/v1\n"))
    file = ROOT / "knative" / "components" / "external-secrets" / "externalsecret.yaml"
    for one in yaml.safe_load_all(file.read_text()):
        assert one["spec"]["secretStoreRef"] == {
            "name": store["metadata"]["name"],
            "kind": store["kind"],
        }
        assert one["metadata"]["namespace"] == store["metadata"]["namespace"]
