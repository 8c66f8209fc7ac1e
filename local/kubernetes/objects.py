"""The objects of the stand-in, and what the calls do to them."""

import copy
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local.kubernetes.fields import FIELDS, unknown_fields
from local.kubernetes.patching import merged
from local.kubernetes.status import Refused

PATCHES = {
    "application/merge-patch+json": False,
    "application/strategic-merge-patch+json": True,
}
"""Content types, and whether they are strategic. `application/json-patch+json` and
`application/apply-patch+yaml` are served by the real one, and refused here."""

_GROUPS = {"pods": "", "jobs": "batch"}
_READ_ONLY = ("uid", "creationTimestamp", "name", "namespace")

Content = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """What a path names: an object, a part of one, or with no name a collection."""

    plural: str
    namespace: str
    name: str = ""
    part: str = ""

    @property
    def resource(self) -> str:
        """As rules name it, such as `deployments/scale`."""
        return f"{self.plural}/{self.part}" if self.part else self.plural

    @property
    def group(self) -> str:
        """The API group."""
        return _GROUPS.get(self.plural, "apps")

    def __str__(self) -> str:
        """Return it as error messages do."""
        group = f".{self.group}" if self.group else ""
        return f'{self.plural}{group} "{self.name}"'


@dataclass(slots=True)
class Objects:
    """All objects; whoever calls holds a lock.

    Attributes:
        now: Unix seconds; when an object is made.
    """

    now: Callable[[], float]
    kept: dict[Place, Content] = field(default_factory=dict)
    _version: int = 1

    def put(self, plural: str, content: Mapping[str, Any]) -> Content:
        """Keep an object as somebody else made it."""
        made = copy.deepcopy(dict(content))
        metadata = made["metadata"]
        metadata.setdefault("uid", str(uuid.uuid4()))
        metadata.setdefault("creationTimestamp", self._stamp())
        self.kept[Place(plural, metadata["namespace"], metadata["name"])] = self._versioned(made)
        return made

    def get(self, place: Place) -> Content:
        """Return a copy of an object, or of its scale.

        Raises:
            Refused: 404.
        """
        found = self.kept.get(Place(place.plural, place.namespace, place.name))
        if found is None:
            raise Refused(404, f"{place} not found")
        return _scale_of(found) if place.part == "scale" else copy.deepcopy(found)

    def create(self, place: Place, given: Content, *, dry: bool, strict: bool) -> Content:
        """Make an object in a collection.

        Raises:
            Refused: 400 for unknown fields, 409 where it exists, 422 where it is not allowed.
        """
        _check_fields(place.plural, given, strict=strict)
        metadata = given.get("metadata") or {}
        name = metadata.get("name") or ""
        if metadata.get("namespace", place.namespace) != place.namespace:
            raise Refused(400, "the namespace of the object does not match the request")
        made = Place(place.plural, place.namespace, name)
        if made in self.kept:
            raise Refused(409, f"{made} already exists", "AlreadyExists")
        _check_job(made, given)
        content = copy.deepcopy(given)
        content["metadata"] = {
            **metadata,
            "namespace": place.namespace,
            "uid": str(uuid.uuid4()),
            "creationTimestamp": self._stamp(),
        }
        if not dry:
            self.kept[made] = self._versioned(content)
        return copy.deepcopy(content)

    def patch(
        self, place: Place, given: Content, content_type: str, *, dry: bool, strict: bool
    ) -> Content:
        """Change an object, or its scale.

        Raises:
            Refused: 400, 404, 415, 422, or 409 where it is not of the version that is given.
        """
        if content_type not in PATCHES:
            raise Refused(415, f"the body of the request was in an unknown format - {content_type}")
        before = self.get(Place(place.plural, place.namespace, place.name))
        _check_fields(place.part or place.plural, given, strict=strict)
        wanted = (given.get("metadata") or {}).get("resourceVersion")
        if wanted is not None and wanted != before["metadata"]["resourceVersion"]:
            words = "the object has been modified; please apply your changes to the latest version"
            raise Refused(409, f"Operation cannot be fulfilled on {place}: {words}")
        change = {"spec": given.get("spec") or {}} if place.part == "scale" else given
        after: Content = merged(before, change, strategic=PATCHES[content_type])
        _check_unchanged(place, before, after)
        if not dry and after != before:
            after = self._versioned(after)
            self.kept[Place(place.plural, place.namespace, place.name)] = after
        return _scale_of(after) if place.part == "scale" else copy.deepcopy(after)

    def delete(self, place: Place, options: Content, *, dry: bool) -> Content:
        """Delete an object.

        Raises:
            Refused: 404, or 409 where it is not the one that is meant.
        """
        found = self.get(place)
        wanted = (options.get("preconditions") or {}).get("uid")
        if wanted is not None and wanted != found["metadata"]["uid"]:
            words = "Precondition failed: UID in precondition does not match"
            raise Refused(409, f"Operation cannot be fulfilled on {place}: {words}")
        if not dry:
            del self.kept[place]
        return found

    def _versioned(self, content: Content) -> Content:
        self._version += 1
        content["metadata"]["resourceVersion"] = str(self._version)
        return content

    def _stamp(self) -> str:
        return datetime.fromtimestamp(int(self.now()), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _scale_of(content: Content) -> Content:
    metadata = content["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in kept if name in metadata},
        "spec": {"replicas": content["spec"].get("replicas", 1)},
        "status": {"replicas": content["spec"].get("replicas", 1)},
    }


def _check_fields(kind: str, given: Content, *, strict: bool) -> None:
    unknown = list(unknown_fields(given, FIELDS[kind]))
    if strict and unknown:
        raise Refused(400, f'strict decoding error: unknown field "{unknown[0]}"')


def _check_unchanged(place: Place, before: Content, after: Content) -> None:
    for name in _READ_ONLY:
        if before["metadata"].get(name) != after["metadata"].get(name):
            raise Refused(422, f"{place} is invalid: metadata.{name}: field is immutable")
    replicas = (after.get("spec") or {}).get("replicas", 1)
    if not isinstance(replicas, int) or replicas < 0:
        raise Refused(422, f"{place} is invalid: spec.replicas: must be greater than or equal to 0")


def _check_job(place: Place, given: Content) -> None:
    if place.plural != "jobs":
        return
    spec = given.get("spec") or {}
    pod = (spec.get("template") or {}).get("spec") or {}
    if not place.name or len(place.name) > 63:
        raise Refused(
            422, "Job.batch is invalid: metadata.name: must be no more than 63 characters"
        )
    if not pod.get("containers"):
        raise Refused(422, f"{place} is invalid: spec.template.spec.containers: Required value")
    if pod.get("restartPolicy") not in {"Never", "OnFailure"}:
        raise Refused(422, f"{place} is invalid: spec.template.spec.restartPolicy: Required value")
