"""Whether an object has the fields its kind has: strict models, and Kubernetes' own schemas.

Kinds of Knative, Strimzi and others have strict models here or in `local.objects`: a field that is
misspelt is an error, where a cluster would drop it without a word. Kinds of Kubernetes itself are
checked with its published schemas.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from aiops.errors import Misconfigured
from local import objects
from local.checks.kinds import external_secrets, monitoring, strimzi
from local.checks.kubernetes_schemas import complaint
from local.manifests import first_problem
from local.validation.problem import Problem

_CORE = ("", "apps", "batch", "networking.k8s.io", "policy", "rbac.authorization.k8s.io")
_OTHERS: TypeAdapter[objects.Strict] = TypeAdapter(
    Annotated[
        strimzi.Kafka
        | strimzi.KafkaNodePool
        | strimzi.KafkaUser
        | external_secrets.ExternalSecret
        | monitoring.ServiceMonitor
        | monitoring.PodMonitor
        | monitoring.PrometheusRule,
        Field(discriminator="kind"),
    ]
)
_FEEDING: TypeAdapter[objects.Strict] = TypeAdapter(objects.Object)
_FED_BY = frozenset(objects.KINDS)
_OTHER_KINDS = frozenset(
    ("Kafka", "KafkaNodePool", "KafkaUser", "ExternalSecret", "ServiceMonitor", "PodMonitor",
     "PrometheusRule")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Parsed:
    """An object that was looked at; `typed` where a model of this project understands it."""

    typed: objects.Strict | None
    problems: tuple[Problem, ...]


def parsed(document: Mapping[str, Any]) -> Parsed:
    """Return the object, or what is wrong with it."""
    kind = str(document.get("kind"))
    metadata = document.get("metadata")
    if not isinstance(metadata, Mapping) or not metadata.get("name"):
        return Parsed(None, (Problem(kind, "metadata.name", "missing"),))
    where = f"{kind} {metadata['name']}"
    group = str(document.get("apiVersion")).rpartition("/")[0]
    problems = _core(where, document) if group in _CORE else ()
    typed = None
    if kind in _FED_BY or kind in _OTHER_KINDS:
        adapter = _FEEDING if kind in _FED_BY else _OTHERS
        try:
            typed = adapter.validate_python(document)
        except ValidationError as error:
            field, _, what = first_problem(error).partition(": ")
            problems = (*problems, Problem(where, field.removeprefix(f"{kind}."), what))
    elif group not in _CORE:
        said = "no object of that kind is known here"
        problems = (*problems, Problem(where, "kind", said, advice="add a strict model for it"))
    return Parsed(typed, problems)


def _core(where: str, document: Mapping[str, Any]) -> tuple[Problem, ...]:
    try:
        wrong = complaint(document)
    except Misconfigured as error:
        return (Problem(where, "kind", str(error)),)
    return (Problem(where, *wrong),) if wrong else ()
