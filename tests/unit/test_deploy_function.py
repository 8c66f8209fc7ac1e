"""One function is built, pushed and deployed by the programs people have for it."""

import json
import os

import pytest

from local.cli import main
from local.functions import ROOT

IMAGE = "registry.example.com/aiops/aiops-detect"
DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def called(tmp_path, monkeypatch):
    """Put stand-ins for docker, kn and kubectl on the PATH; return what they were called with."""
    log = tmp_path / "calls"
    answers = {"docker": f"{IMAGE}@{DIGEST}", "kn": "", "kubectl": ""}
    for name, answer in answers.items():
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(
            "#!/usr/bin/env python3\nimport json, sys\n"
            f"with open({str(log)!r}, 'a') as file:\n"
            f"    file.write(json.dumps([{name!r}, *sys.argv[1:]]) + '\\n')\n"
            f"print({answer!r})\n"
        )
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")

    def calls():
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    return calls


def test_a_function_is_deployed_by_digest_and_then_told_what_func_yaml_cannot_say(called):
    before = (ROOT / "functions" / "detect" / "func.yaml").read_bytes()
    assert main(["function", "deploy", "detect", "--version", "7"]) == 0
    inspect, deploy, apply = called()
    assert inspect[-1] == f"{IMAGE}:7"
    assert deploy[:3] == ["kn", "func", "deploy"]
    assert {"--build=false", "--push=false", f"{IMAGE}@{DIGEST}"} <= set(deploy)
    staged = deploy[deploy.index("--path") + 1]
    assert not staged.startswith(str(ROOT / "functions")), "kn func writes into its folder"
    assert apply[:4] == ["kubectl", "apply", "--server-side", "--force-conflicts"]
    assert apply[-1].endswith("knative/services/detect.yaml")
    assert (ROOT / "functions" / "detect" / "func.yaml").read_bytes() == before


def test_an_image_is_built_and_pushed_under_one_name(called):
    assert main(["function", "image", "detect", "--version", "7"]) == 0
    assert main(["function", "push", "detect", "--version", "7"]) == 0
    build, push = called()
    assert build[:2] == ["docker", "build"]
    assert "FUNCTION=detect" in build
    assert build[build.index("--tag") + 1] == f"{IMAGE}:7" == push[-1]


def test_a_dry_run_prints_every_program_and_runs_none(called, capsys):
    assert main(["function", "deploy", "detect", "--version", "7", "--dry"]) == 0
    assert called() == []
    said = capsys.readouterr().out
    assert [line.split()[1] for line in said.splitlines()] == ["docker", "kn", "kubectl"]


def test_an_image_that_was_not_pushed_is_not_deployed(called, capsys):
    asked = ["--registry", "elsewhere.example.com", "--version", "7"]
    assert main(["function", "deploy", "detect", *asked]) == 2
    assert "push it first" in capsys.readouterr().err
    assert [name for name, *_ in called()] == ["docker"]


def test_a_function_that_does_not_exist_is_named(capsys):
    assert main(["function", "image", "detekt"]) == 2
    assert "detekt: there is no such function" in capsys.readouterr().err
