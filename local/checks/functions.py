"""func.yaml: names, ports, probes, scale, and what is applied beside it."""

import re
from collections.abc import Iterator, Mapping

from local.checks.installation import NAMESPACE, Installation, target
from local.objects import KafkaSource
from local.validation.problem import Problem

VISIBILITY = ("networking.knative.dev/visibility", "cluster-local")
PUBLIC = "gateway"
SPEC_VERSION = "0.36.0"
PORT = "8080"
PROBES = ("/health/liveness", "/health/readiness")
GIVES_UP = 20
"""Seconds after which a function ends a request; `aiops.adapters.kafka_publisher` keeps below."""

_SCALING = "autoscaling.knative.dev/"
_SECONDS = {"s": 1, "m": 60, "h": 3_600}
_RANGES = {
    "scale-to-zero-pod-retention-period": (0, 3_600),
    "scale-down-delay": (0, 3_600),
    "window": (6, 3_600),
}
"""Seconds. Source: knative.dev/serving, pkg/apis/autoscaling/annotation_validation.go."""

_SHARES = {"panic-window-percentage": (1, 100), "panic-threshold-percentage": (110, 1_000)}


ADJUSTED = "aiops.dev/adjusted"
"""An annotation of revisions that have what func.yaml cannot say, and were complete with it."""

LATEST = [{"latestRevision": True, "percent": 100}]


def names(installation: Installation) -> Iterator[Problem]:
    """A function is named after its folder, starts its own target, and is where all is."""
    for folder, func in installation.functions.items():
        where = f"functions/{folder}/func.yaml"
        environ = {one.name: one.value for one in func.run.envs}
        if func.name != f"aiops-{folder}":
            yield Problem(where, "name", f"{func.name}: expected aiops-{folder}")
        if environ.get("FUNCTION_TARGET") != folder:
            yield Problem(where, "run.envs.FUNCTION_TARGET", f"expected {folder}")
        if func.spec_version != SPEC_VERSION:
            yield Problem(where, "specVersion", f"expected {SPEC_VERSION}")
        if {func.namespace, func.deploy.namespace} != {NAMESPACE}:
            yield Problem(where, "namespace", f"expected {NAMESPACE}")


def served(installation: Installation) -> Iterator[Problem]:
    """Probes ask where the function answers, on the port it listens to."""
    for folder, func in installation.functions.items():
        where = f"functions/{folder}/func.yaml"
        environ = {one.name: one.value for one in func.run.envs}
        if environ.get("PORT", PORT) != PORT:
            yield Problem(where, "run.envs.PORT", f"kn func probes {PORT}")
        health = func.deploy.health_endpoints
        if (health.liveness, health.readiness) != PROBES:
            yield Problem(where, "deploy.healthEndpoints", f"expected {' and '.join(PROBES)}")


def threads(installation: Installation) -> Iterator[Problem]:
    """A probe never waits behind events: there is a thread more than requests at a time."""
    for folder, func in installation.functions.items():
        given = {one.name: one.value for one in func.run.envs}.get("THREADS", "")
        limit = func.deploy.options.resources.limits.concurrency
        least = limit if folder == "collect" else limit + 1
        if not given.isdigit() or int(given) < least:
            where = f"functions/{folder}/func.yaml"
            yield Problem(where, "run.envs.THREADS", f"{given or 'missing'}: at least {least}")


def scale(installation: Installation) -> Iterator[Problem]:
    """The autoscaler's numbers make sense together."""
    for folder, func in installation.functions.items():
        where = f"functions/{folder}/func.yaml"
        scale, limits = func.deploy.options.scale, func.deploy.options.resources.limits
        if scale.max < max(1, scale.min):
            yield Problem(where, "deploy.options.scale.max", f"{scale.max}: below min, or no limit")
        if scale.target > limits.concurrency:
            what = f"{scale.target:g}: more than the {limits.concurrency} an instance takes"
            yield Problem(where, "deploy.options.scale.target", what)
        if (scale.min > 0) != (folder == PUBLIC):
            what = f"{scale.min}: only {PUBLIC}, which answers people at once, is always there"
            yield Problem(where, "deploy.options.scale.min", what)


def lanes(installation: Installation) -> Iterator[Problem]:
    """No more instances than requests can come at a time: one from each partition, in order."""
    partitions = {
        each.metadata.name: each.spec.partitions for each in installation.manifests.topics
    }
    if not partitions:
        return
    for folder, func in installation.functions.items():
        most = _lanes(installation, folder, partitions)
        if folder not in (PUBLIC, "collect") and func.deploy.options.scale.max > most:
            what = f"{func.deploy.options.scale.max}: at most {most} requests come at a time"
            yield Problem(f"functions/{folder}/func.yaml", "deploy.options.scale.max", what)


def visible(installation: Installation) -> Iterator[Problem]:
    """Only the gateway is reached from outside."""
    for folder, func in installation.functions.items():
        hidden = any((one.key, one.value) == VISIBILITY for one in func.deploy.labels)
        if hidden == (folder == PUBLIC):
            what = "must be reached from outside" if hidden else "is reached from outside"
            where = f"functions/{folder}/func.yaml"
            yield Problem(where, "deploy.labels", what, advice=": ".join(VISIBILITY))


def annotations(installation: Installation) -> Iterator[Problem]:
    """The autoscaler's annotations stand on the template only, and are in range.

    Serving refuses a Service that has them on itself, and `deploy.annotations` of func.yaml are
    put there too. Source: knative.dev/serving, pkg/apis/serving/metadata_validation.go.
    """
    for folder, func in installation.functions.items():
        for name in func.deploy.annotations:
            if name.startswith(_SCALING):
                where = f"functions/{folder}/func.yaml"
                what = "Serving refuses it there; knative/services"
                yield Problem(where, f"deploy.annotations.{name}", what)
    for folder, one in (installation.adjustments or {}).items():
        where = f"knative/services/{folder}.yaml"
        for name in one["metadata"].get("annotations", {}):
            yield Problem(where, f"metadata.annotations.{name}", "belongs on spec.template")
        template = one["spec"]["template"].get("metadata", {}).get("annotations", {})
        for name, text in template.items():
            what = _out_of_range(name, str(text))
            if what:
                yield Problem(where, f"spec.template.metadata.annotations.{name}", what)


def adjusted(installation: Installation) -> Iterator[Problem]:
    """What is applied beside func.yaml is for a function, and for each, and says nothing else."""
    if installation.adjustments is None:
        return
    for folder in sorted(set(installation.functions) ^ set(installation.adjustments)):
        yield Problem(f"knative/services/{folder}.yaml", "", "no such function, or no such file")
    for folder, one in installation.adjustments.items():
        where = f"knative/services/{folder}.yaml"
        if one["metadata"] != {"name": f"aiops-{folder}", "namespace": NAMESPACE}:
            yield Problem(where, "metadata", f"expected aiops-{folder} in {NAMESPACE}, no more")
        noted = one["spec"]["template"].get("metadata", {}).get("annotations", {})
        if noted.get(ADJUSTED) != "true":
            yield Problem(
                where, f"spec.template.metadata.annotations.{ADJUSTED}", 'expected "true"'
            )
        if one["spec"].get("traffic") != LATEST:
            yield Problem(where, "spec.traffic", "expected all of it to the latest revision")
        said = set(one["spec"]["template"].get("spec", {})) - {"timeoutSeconds"}
        if said:
            yield Problem(where, f"spec.template.spec.{min(said)}", "func.yaml says that")


def timeouts(installation: Installation) -> Iterator[Problem]:
    """An instance gives up before whoever delivers does, and after the function has."""
    for folder, one in (installation.adjustments or {}).items():
        given = one["spec"]["template"].get("spec", {}).get("timeoutSeconds", 300)
        where = f"knative/services/{folder}.yaml"
        field = "spec.template.spec.timeoutSeconds"
        waited = [
            each.spec.delivery.timeout
            for each in installation.deliveries()
            if installation.function_of(target(each)) == folder
        ]
        if waited and not min(waited) - 30 <= given <= min(waited):
            what = f"{given}: delivery waits {min(waited):g} s; up to 30 s less than that"
            yield Problem(where, field, what)
        if given < GIVES_UP + 30:
            what = f"{given}: an event may take {GIVES_UP} s, and draining 30 s"
            yield Problem(where, field, what)


def _lanes(installation: Installation, folder: str, partitions: Mapping[str, int]) -> int:
    brokers = {each.metadata.name: each.topic for each in installation.manifests.brokers}
    found = 0
    for each in installation.deliveries():
        if installation.function_of(target(each)) != folder:
            continue
        topics = (
            each.spec.topics
            if isinstance(each, KafkaSource)
            else (brokers.get(each.spec.broker, ""),)
        )
        found += sum(partitions.get(topic, 0) for topic in topics)
    return found


def _out_of_range(name: str, text: str) -> str:
    if name == ADJUSTED:
        return ""
    if not name.startswith(_SCALING):
        return "expected an annotation of the autoscaler"
    word = name.removeprefix(_SCALING)
    if word in _RANGES:
        low, high = _RANGES[word]
        match = re.fullmatch(r"(\d+)([smh])", text)
        value = int(match.group(1)) * _SECONDS[match.group(2)] if match else -1
        return "" if low <= value <= high else f"{text}: expected {low}s to {high}s"
    if word in _SHARES:
        low, high = _SHARES[word]
        fits = text.replace(".", "", 1).isdigit() and low <= float(text) <= high
        return "" if fits else f"{text}: {low} to {high}"
    return "func.yaml says that, or nobody knows it"
