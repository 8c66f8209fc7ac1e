"""One function: its image built and pushed, its Service made of it.

`kn func deploy` writes into the folder it is given, so it gets a copy. It is told neither to build
nor to push, and the image by its digest. What func.yaml cannot say is applied afterwards, each
time: a deployment overwrites it.
"""

import re
import shutil
from pathlib import Path

from aiops.errors import Misconfigured
from local.checks.installation import NAMESPACE
from local.deployment.runner import Runner
from local.func_file import read_function
from local.functions import ROOT

FIELD_MANAGER = "aiops"
SERVICE = "service.serving.knative.dev"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_UNKNOWN = "sha256:" + "0" * 64


def tagged(function: str, registry: str, version: str) -> str:
    """Return the name an image is pushed under.

    Args:
        function: Its folder.
        registry: Empty: that of func.yaml, of `detect` for what has none.
        version: The tag.

    Raises:
        Misconfigured: there is no such function, or its func.yaml is wrong.
    """
    folder = ROOT / "functions" / function
    if not (folder / "requirements.txt").is_file():
        raise Misconfigured(f"{function}: there is no such function")
    mine = folder / "func.yaml"
    func = read_function(mine if mine.is_file() else ROOT / "functions" / "detect" / "func.yaml")
    return f"{registry or func.registry}/aiops-{function}:{version}"


def build(runner: Runner, function: str, image: str, version: str) -> None:
    """Build the image."""
    runner.run(
        ["docker", "build", "--file", str(ROOT / "knative" / "Dockerfile"),
         "--build-arg", f"FUNCTION={function}", "--build-arg", f"VERSION={version}",
         "--tag", image, str(ROOT)]
    )  # fmt: skip


def push(runner: Runner, image: str) -> None:
    """Push the image."""
    runner.run(["docker", "push", "--quiet", image])


def digested(runner: Runner, image: str) -> str:
    """Return a pushed image by its digest; in a dry run, where nobody knows it, one of zeros.

    Raises:
        Misconfigured: it was not pushed.
    """
    said = runner.run(
        ["docker", "image", "inspect", "--format", '{{join .RepoDigests "\\n"}}', image]
    )  # fmt: skip
    repository = image.rpartition(":")[0]
    if runner.dry:
        return f"{repository}@{_UNKNOWN}"
    for line in said.splitlines():
        name, _, digest = line.partition("@")
        if name == repository and _DIGEST.fullmatch(digest):
            return line
    raise Misconfigured(f"{image}: has no digest; push it first")


def deploy(runner: Runner, function: str, image: str, folder: Path) -> None:
    """Make the Service of a pushed image.

    Args:
        runner: Runs programs.
        function: Its folder.
        image: Under the name it was pushed.
        folder: Where the copy of func.yaml goes.
    """
    exact = digested(runner, image)
    staged = folder / function
    staged.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / "functions" / function / "func.yaml", staged / "func.yaml")
    runner.run(
        ["kn", "func", "deploy", "--path", str(staged), "--build=false", "--push=false",
         "--image", exact]
    )  # fmt: skip
    runner.run(
        ["kubectl", "apply", "--server-side", "--force-conflicts",
         f"--field-manager={FIELD_MANAGER}",
         "--filename", str(ROOT / "knative" / "services" / f"{function}.yaml")]
    )  # fmt: skip


def wait(runner: Runner, service: str) -> None:
    """Return once a Service is ready.

    Raises:
        Unavailable: it is not in time.
    """
    runner.run(
        ["kubectl", "wait", "--namespace", NAMESPACE, "--for=condition=Ready", "--timeout=300s",
         f"{SERVICE}/{service}"]
    )  # fmt: skip
