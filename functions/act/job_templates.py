"""The Jobs that runbooks may start: files that were put there, made harmless to repeat.

Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/job-v1/
"""

import copy
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aiops.errors import Misconfigured
from functions.act.kubernetes.resource import NAMESPACE
from functions.act.operation import Order

MAX_TEMPLATE_BYTES = 1 << 16
MAX_NAME = 30
"""A Job's name ends up in a label of its pods, 63 characters at most, and 33 are the order's."""

LONGEST_SECONDS = 3_600
DEFAULT_SECONDS = 600
KEPT_SECONDS = 86_400
"""How long a finished Job is kept, so that a repetition is told that it exists."""

_FORBIDDEN = ("hostNetwork", "hostPID", "hostIPC", "nodeName")


def load_templates(folder: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the templates of a folder by the names of their files, without `.yaml`.

    Raises:
        Misconfigured: one is wrong; the message names the file and the field.
    """
    import yaml

    if not Path(folder).is_dir():
        raise Misconfigured(f"JOB_TEMPLATE_DIR: no folder {folder}")
    found = {}
    for file in sorted(Path(folder).glob("*.yaml")):
        try:
            if file.stat().st_size > MAX_TEMPLATE_BYTES:
                raise Misconfigured(f"{file}: more than {MAX_TEMPLATE_BYTES} bytes")
            content = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise Misconfigured(f"{file}: {' '.join(str(error).split())[:200]}") from None
        problem = problem_of(file.stem, content)
        if problem:
            raise Misconfigured(f"{file}: {problem}")
        found[file.stem] = content
    return found


def parameters_of(template: Mapping[str, Any]) -> frozenset[str]:
    """Return what a runbook may set: the variables that the template gives a value of its own."""
    return frozenset(
        each["name"]
        for container in _containers(template)
        for each in container.get("env") or ()
        if "valueFrom" not in each
    )


def job(
    template: Mapping[str, Any], name: str, namespace: str, given: Mapping[str, str], order: Order
) -> dict[str, Any]:
    """Return the Job of an order; the same order makes the same Job.

    What is given becomes values of variables and nothing else. However the template was written, it
    is tried once, ends in time, and is cleared away.
    """
    made: dict[str, Any] = copy.deepcopy(dict(template))
    metadata = made.setdefault("metadata", {})
    metadata |= {"name": f"{name}-{order.key}", "namespace": namespace}
    metadata["labels"] = {
        **(metadata.get("labels") or {}),
        "app.kubernetes.io/managed-by": "aiops-act",
    }
    metadata["annotations"] = {
        **(metadata.get("annotations") or {}),
        "aiops.io/incident": order.incident,
        "aiops.io/runbook": order.runbook,
    }
    spec = made["spec"]
    asked = spec.get("activeDeadlineSeconds", DEFAULT_SECONDS)
    spec |= {
        "backoffLimit": 0,
        "completions": 1,
        "parallelism": 1,
        "activeDeadlineSeconds": min(asked, LONGEST_SECONDS),
        "ttlSecondsAfterFinished": KEPT_SECONDS,
    }
    spec["template"]["spec"]["restartPolicy"] = "Never"
    for container in _containers(made):
        for each in container.get("env") or ():
            if each["name"] in given:
                each["value"] = given[each["name"]]
    return made


def _containers(template: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    pod = template["spec"]["template"]["spec"]
    yield from pod.get("initContainers") or ()
    yield from pod["containers"]


def problem_of(name: str, content: Any) -> str:
    """Return what is wrong with a template, with its field; nothing where all is well."""
    if len(name) > MAX_NAME or not re.fullmatch(NAMESPACE, name):
        return f"name of the file: expected at most {MAX_NAME} small letters, digits and hyphens"
    if not isinstance(content, dict):
        return "expected a Job"
    if (content.get("apiVersion"), content.get("kind")) != ("batch/v1", "Job"):
        return "apiVersion, kind: expected batch/v1 and Job"
    for field in ("name", "generateName", "namespace"):
        if field in (content.get("metadata") or {}):
            return f"metadata.{field}: is given by the run"
    try:
        return _problem_of_pod(content)
    except (KeyError, TypeError, AttributeError):
        return "spec.template.spec.containers: expected containers with names and variables"


def _problem_of_pod(content: Mapping[str, Any]) -> str:
    deadline = content["spec"].get("activeDeadlineSeconds", DEFAULT_SECONDS)
    if not isinstance(deadline, int) or isinstance(deadline, bool) or deadline < 1:
        return "spec.activeDeadlineSeconds: expected seconds"
    pod = content["spec"]["template"]["spec"]
    if not pod["containers"]:
        return "spec.template.spec.containers: expected at least one"
    for field in _FORBIDDEN:
        if pod.get(field):
            return f"spec.template.spec.{field}: not for what a runbook starts"
    if any("hostPath" in volume for volume in pod.get("volumes") or ()):
        return "spec.template.spec.volumes: hostPath: not for what a runbook starts"
    for container in _containers(content):
        if (container.get("securityContext") or {}).get("privileged"):
            return "securityContext.privileged: not for what a runbook starts"
    parameters_of(content)
    return ""
