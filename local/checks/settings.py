"""Settings: what func.yaml and the pods refer to is there, and nothing is there for nobody."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from local.checks.installation import Installation, pod_of, title
from local.settings import CHANNEL_SECRETS, GATEWAY_SECRETS
from local.validation.problem import Problem

REFERENCE = re.compile(r"\{\{ *(secret|configMap):([^:} ]+)(?::([^} ]+))? *\}\}")
SERVED = frozenset(
    {"FUNCTION_TARGET", "FUNCTION_SIGNATURE_TYPE", "THREADS", "OPENBLAS_NUM_THREADS"}
    | {"MALLOC_ARENA_MAX", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"}
)
"""Variables that the framework, a library or the C library reads."""

BESIDE = frozenset({("aiops-redis", "operator"), ("aiops-redis", "exporter")})
"""What no pod of an overlay need refer to: people look at the state with it, deployments count."""

NEEDED = ("REDIS_URL", "KAFKA_BOOTSTRAP_SERVERS", "AIOPS_DOMAIN", "AIOPS_GENERATION")
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob")
_CREDENTIAL = re.compile(r"://[^/\s:@]*:[^/\s@]+@|xox[abp]-|hooks\.slack\.com/services/")


def references(installation: Installation) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield where, field, kind (`secret`, `configMap`), name and key (empty: all of it)."""
    for folder, func in installation.functions.items():
        where = f"functions/{folder}/func.yaml"
        for variable in func.run.envs:
            match = REFERENCE.search(variable.value)
            if match:
                kind, name, key = match.groups()
                yield where, f"run.envs.{variable.name}", kind, name, key or ""
        for volume in func.run.volumes:
            kind = "configMap" if volume.config_map else "secret"
            yield (
                where,
                f"run.volumes.{volume.path}",
                kind,
                volume.config_map or volume.secret or "",
                "",
            )
    yield from _of_sources(installation)
    for workload in installation.of(*WORKLOADS):
        for field, kind, name, key in _in_pod(pod_of(workload)):
            yield title(workload), field, kind, name, key


def _of_sources(installation: Installation) -> Iterator[tuple[str, str, str, str, str]]:
    for source in installation.manifests.sources:
        for field, ref in source.spec.net.secrets() if source.spec.net else ():
            where = f"KafkaSource {source.metadata.name}"
            yield where, f"spec.net.{field}", "secret", ref.name, ref.key


def config_keys(installation: Installation) -> Iterator[Problem]:
    """Every ConfigMap and key that is referred to is there."""
    config = installation.manifests.config()
    for where, field, kind, name, key in references(installation):
        if kind == "configMap" and name not in config:
            yield Problem(where, field, f"there is no ConfigMap {name}")
        elif kind == "configMap" and key and key not in config[name]:
            yield Problem(where, field, f"ConfigMap {name} has no key {key}")


def unused_keys(installation: Installation) -> Iterator[Problem]:
    """Every key of the settings is referred to."""
    used = {key for _, _, kind, name, key in references(installation) if name == "aiops-config"}
    for key in sorted(set(installation.manifests.config().get("aiops-config", {})) - used):
        yield Problem("ConfigMap aiops-config", f"data.{key}", "nothing refers to it")


def secret_keys(installation: Installation) -> Iterator[Problem]:
    """Every key of a Secret that is referred to is made by something, and the other way round."""
    made = secrets(installation)
    used: dict[str, set[str]] = {}
    for where, field, kind, name, key in references(installation):
        if kind != "secret":
            continue
        used.setdefault(name, set()).update([key] if key else made.get(name, ()))
        if name not in made:
            yield Problem(where, field, f"nothing makes the Secret {name}")
        elif key and key not in made[name]:
            yield Problem(where, field, f"the Secret {name} has no key {key}")
    for name, keys in made.items():
        for key in sorted(keys - used.get(name, set())):
            if (name, key) not in BESIDE:
                yield Problem(f"Secret {name}", f"data.{key}", "nothing refers to it")


def channels(installation: Installation) -> Iterator[Problem]:
    """The Secrets of channels and senders have keys that code reads."""
    known = {"aiops-channels": set(CHANNEL_SECRETS), "aiops-gateway": set(GATEWAY_SECRETS)}
    made = secrets(installation)
    for name, keys in known.items():
        for key in sorted(made.get(name, set()) - keys):
            yield Problem(f"Secret {name}", f"data.{key}", "no code reads it")


def plain_secrets(installation: Installation) -> Iterator[Problem]:
    """Nothing that is secret stands where everybody reads it."""
    if installation.production:
        for one in installation.of("Secret"):
            yield Problem(title(one), "", "a Secret in clear; use an ExternalSecret")
    for one in installation.of("ConfigMap"):
        for key, text in (one.get("data") or {}).items():
            if _CREDENTIAL.search(str(text)):
                yield Problem(title(one), f"data.{key}", "looks like a secret; make it a Secret")
    yield from _told_plainly(installation)


def _told_plainly(installation: Installation) -> Iterator[Problem]:
    for folder, func in installation.functions.items():
        for variable in func.run.envs:
            if _CREDENTIAL.search(variable.value):
                where = f"functions/{folder}/func.yaml"
                yield Problem(where, f"run.envs.{variable.name}", "looks like a secret")


def variables(installation: Installation) -> Iterator[Problem]:
    """A function is told what its code reads, under the name by which it reads it."""
    if installation.variables is None:
        return
    for folder, func in installation.functions.items():
        where = f"functions/{folder}/func.yaml"
        given = [one.name for one in func.run.envs if one.name]
        read = installation.variables[folder] | SERVED
        for name in given:
            if name not in read:
                yield Problem(where, f"run.envs.{name}", f"no code of {folder} reads it")
        for name in sorted({one for one in given if given.count(one) > 1}):
            yield Problem(where, f"run.envs.{name}", "given twice")
        for name in NEEDED:
            if name not in given:
                yield Problem(where, "run.envs", f"{name} is missing")


def secrets(installation: Installation) -> dict[str, set[str]]:
    """Return the keys of each Secret that objects make."""
    made: dict[str, set[str]] = {}
    for one in installation.of("Secret"):
        keys = {*(one.get("data") or ()), *(one.get("stringData") or ())}
        made.setdefault(one["metadata"]["name"], set()).update(keys)
    for one in installation.of("ExternalSecret"):
        spec = one["spec"]
        template: Mapping[str, str] = (spec["target"].get("template") or {}).get("data", {})
        keys = set(template) or {each["secretKey"] for each in spec.get("data", ())}
        made.setdefault(spec["target"]["name"], set()).update(keys)
    return made


def _in_pod(pod: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Yield field, kind, name and key of what a pod cannot start without."""
    for container in (*pod.get("initContainers", ()), *pod["containers"]):
        for one in container.get("env", ()):
            for kind, ref in _refs(one.get("valueFrom") or {}, "KeyRef"):
                yield f"env.{one['name']}", kind, ref["name"], ref["key"]
        for one in container.get("envFrom", ()):
            for kind, ref in _refs(one, "Ref"):
                yield "envFrom", kind, ref["name"], ""
    for volume in pod.get("volumes", ()):
        for kind, ref in _refs(volume, ""):
            yield f"volumes.{volume['name']}", kind, ref.get("secretName") or ref["name"], ""


def _refs(holder: Mapping[str, Any], suffix: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for kind in ("secret", "configMap"):
        ref = holder.get(f"{kind}{suffix}")
        if ref and not ref.get("optional"):
            yield kind, ref
