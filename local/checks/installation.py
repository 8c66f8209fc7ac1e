"""What is checked: the objects of one overlay, and the functions they feed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.checks.schemas import parsed
from local.func_file import FuncFile
from local.manifests import Manifests, gathered
from local.objects import Destination, KafkaSource, Trigger
from local.validation.problem import Problem

NAMESPACE = "aiops"
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Installation:
    """Everything a cluster is given at once.

    Attributes:
        documents: All objects as they are rendered, those no model understands left out.
        manifests: Those that feed functions, typed.
        functions: The func.yaml of each function, by folder.
        production: Whether people depend on it: images by digest, no secret in clear.
        adjustments: What is applied to Services beside func.yaml, by folder.
        variables: Names that the code of each function reads from its environment, by folder.
    """

    documents: tuple[Document, ...]
    manifests: Manifests
    functions: Mapping[str, FuncFile]
    production: bool = False
    adjustments: Mapping[str, Document] | None = None
    variables: Mapping[str, frozenset[str]] | None = None

    def of(self, *kinds: str) -> Iterator[Document]:
        """Yield the objects of some kinds."""
        return (one for one in self.documents if one["kind"] in kinds)

    def named(self, kind: str, name: str) -> Document | None:
        """Return one object, None where there is none."""
        found = (one for one in self.of(kind) if one["metadata"]["name"] == name)
        return next(found, None)

    def deliveries(self) -> tuple[KafkaSource | Trigger, ...]:
        """Return what delivers events to functions."""
        return (*self.manifests.sources, *self.manifests.triggers)

    def function_of(self, destination: Destination) -> str:
        """Return the folder of the function events go to, empty where it is none."""
        name = destination.ref.name if destination.ref else ""
        return next((one for one, func in self.functions.items() if func.name == name), "")


def read(documents: Sequence[Document]) -> tuple[tuple[Document, ...], Manifests, list[Problem]]:
    """Return what was understood, typed as well, and what is wrong with the rest."""
    understood: list[Document] = []
    typed = []
    problems: list[Problem] = []
    seen: set[tuple[str, str]] = set()
    for one in documents:
        key = (str(one.get("kind")), title(one))
        found = parsed(one)
        problems += found.problems
        if key in seen:
            problems.append(Problem(title(one), "metadata.name", "there are two"))
        elif not found.problems:
            understood.append(one)
            typed += [found.typed] if found.typed else []
        seen.add(key)
    return tuple(understood), gathered(typed), problems


def target(one: KafkaSource | Trigger) -> Destination:
    """Return where a source or Trigger delivers."""
    return one.spec.sink if isinstance(one, KafkaSource) else one.spec.subscriber


def title(document: Document) -> str:
    """Return kind and name."""
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else ""
    return f"{document.get('kind')} {name}".strip()


def pod_of(document: Document) -> Document:
    """Return the pod specification of a Deployment, StatefulSet, DaemonSet, Job or CronJob."""
    spec = document["spec"]
    if document["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    found: Document = spec["template"]["spec"]
    return found
