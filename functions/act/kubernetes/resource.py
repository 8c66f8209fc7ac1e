"""Names of objects, and the paths they are reached by."""

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

_LABEL = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
NAMESPACE = rf"^{_LABEL}$"
NAME = rf"^{_LABEL}(?:\.{_LABEL})*$"
Namespace = Annotated[str, Field(pattern=NAMESPACE, max_length=63)]
ObjectName = Annotated[str, Field(pattern=NAME, max_length=253)]
"""Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/"""

GROUPS = {
    "pods": "/api/v1",
    "deployments": "/apis/apps/v1",
    "statefulsets": "/apis/apps/v1",
    "daemonsets": "/apis/apps/v1",
    "jobs": "/apis/batch/v1",
}
PLURALS = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}


@dataclass(frozen=True, slots=True)
class Resource:
    """Where an object is, or with an empty name, a collection.

    Raises:
        ValueError: a name is none that Kubernetes allows.
    """

    plural: str
    namespace: str
    name: str = ""
    part: Literal["", "scale"] = ""

    def __post_init__(self) -> None:
        """Let nothing into a path that could lead elsewhere."""
        if not re.fullmatch(NAMESPACE, self.namespace):
            raise ValueError("namespace: not a name that Kubernetes allows")
        if self.name and (len(self.name) > 253 or not re.fullmatch(NAME, self.name)):
            raise ValueError("name: not a name that Kubernetes allows")

    @property
    def path(self) -> str:
        """Its path."""
        places = (self.name, self.part) if self.part else (self.name,) if self.name else ()
        return "/".join((GROUPS[self.plural], "namespaces", self.namespace, self.plural, *places))
