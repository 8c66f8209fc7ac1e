"""A canary through the whole chain, in a Job of the cluster, right after a deployment."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from local.checks.installation import NAMESPACE
from local.deployment.function import FIELD_MANAGER
from local.deployment.runner import Runner
from local.deployment.stages import with_images
from local.functions import ROOT
from local.manifests import read_yaml

JOB = "aiops-smoke"
_TEMPLATE = ROOT / "knative" / "components" / "canary" / "cronjob.yaml"


@dataclass(frozen=True, slots=True)
class Smoke:
    """How a canary fared.

    Attributes:
        seconds: By stage, when it had passed it.
        missed: The first stage it did not pass; empty where it came through.
        problem: Why none was sent.
    """

    seconds: Mapping[str, float] = field(default_factory=dict)
    missed: str = ""
    problem: str = ""

    @property
    def good(self) -> bool:
        """Whether it came through."""
        return not self.missed and not self.problem


def smoke(runner: Runner, work: Path, image: str) -> Smoke:
    """Send a canary and wait for it.

    Raises:
        Unavailable: the Job cannot be made, or does not start.
    """
    (cronjob,) = read_yaml(_TEMPLATE)
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": JOB, "namespace": NAMESPACE},
        "spec": cronjob["spec"]["jobTemplate"]["spec"],
    }
    work.mkdir(parents=True, exist_ok=True)
    file = work / "smoke.yaml"
    (ours,) = with_images([job], {"aiops-exporter": image})
    file.write_text(yaml.safe_dump(ours, sort_keys=False), encoding="utf-8")
    where = ["--namespace", NAMESPACE]
    runner.run(["kubectl", "delete", "job", JOB, *where, "--ignore-not-found", "--wait"])
    runner.run(
        ["kubectl", "apply", "--server-side", f"--field-manager={FIELD_MANAGER}",
         "--filename", str(file)]
    )  # fmt: skip
    said = runner.run(
        ["kubectl", "logs", *where, "--follow", "--pod-running-timeout=3m", f"job/{JOB}"]
    )
    return Smoke() if runner.dry else outcome_of(said)


def outcome_of(said: str) -> Smoke:
    """Return what a canary's Job printed, as its last line has it."""
    try:
        told = json.loads(said.strip().splitlines()[-1])
        if "error" in told:
            return Smoke(problem=str(told["error"]))
        return Smoke(seconds=dict(told["seconds"]), missed=str(told["missed"]))
    except (IndexError, ValueError, KeyError, TypeError):
        return Smoke(problem=f"the Job said nothing that is understood: {said.strip()[-200:]!r}")
