"""Deletes a pod that something makes anew."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from functions.act.kubernetes.client import SETTINGS, Kubernetes
from functions.act.kubernetes.reply import Reply
from functions.act.kubernetes.resource import Namespace, ObjectName, Resource
from functions.act.operation import Order, Outcome, Repeat, Target

NOT_FOUND, CONFLICT = 404, 409
_EVER = "1970-01-01T00:00:00Z"


class Arguments(BaseModel):
    """Which pod."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    namespace: Namespace
    name: ObjectName


class Operation:
    """Deletes the pod of that name that was there when the order was given, and no younger one.

    A StatefulSet gives the new pod the old one's name; it is told apart by when it was made, and
    the server deletes only the very pod that was looked at.
    """

    arguments: ClassVar[type[BaseModel]] = Arguments
    needs: ClassVar[tuple[str, ...]] = ()
    takes: ClassVar[Mapping[str, str]] = SETTINGS
    reversible: ClassVar[bool] = True
    repeat: ClassVar[Repeat] = "absolute"

    def __init__(self, values: Mapping[str, str]) -> None:
        self._kubernetes = Kubernetes(values)

    def target(self, arguments: Arguments) -> Target:
        """Return the pod."""
        return Target("Pod", arguments.namespace, arguments.name)

    def summary(self, arguments: Arguments) -> str:
        """Return what it would do."""
        return f"delete {self.target(arguments)}"

    def dry_run(self, arguments: Arguments, order: Order) -> Outcome:
        """Have the server check it; a pod that nothing makes anew is refused."""
        pod, reply, gone = self._deleted(arguments, order, dry=True)
        if gone:
            return Outcome("refused", gone, pod.labels)
        outcome = reply.outcome("the server would delete it")
        return Outcome(outcome.verdict, outcome.reason, pod.labels, outcome.retry_after_ms)

    def perform(self, arguments: Arguments, order: Order) -> Outcome:
        """Delete it."""
        pod, reply, gone = self._deleted(arguments, order, dry=False)
        if gone:
            return Outcome("done", gone, pod.labels)
        return reply.outcome("deleted")

    def _deleted(
        self, arguments: Arguments, order: Order, *, dry: bool
    ) -> tuple[Reply, Reply, str]:
        """Delete it; return the pod, the answer, and why there is nothing to delete any more."""
        resource = Resource("pods", arguments.namespace, arguments.name)
        conversation = self._kubernetes.conversation()
        pod = conversation.get(resource)
        if pod.verdict != "done":
            return pod, pod, "there is no such pod" if pod.status == NOT_FOUND else ""
        gone = _gone(pod.content, order)
        if gone or not _made_anew(pod.content):
            refused = Reply("refused", "nothing would make it anew")
            return pod, refused, gone
        uid = str((pod.content.get("metadata") or {}).get("uid", ""))
        reply = conversation.delete(resource, uid, dry=dry)
        if reply.status in {NOT_FOUND, CONFLICT}:
            return pod, reply, "it was deleted meanwhile"
        return pod, reply, ""


def _gone(pod: Mapping[str, Any], order: Order) -> str:
    """Return why the pod that the order meant is gone, or going."""
    metadata = pod.get("metadata") or {}
    if metadata.get("deletionTimestamp"):
        return "it is being deleted"
    made = datetime.fromisoformat(metadata.get("creationTimestamp") or _EVER).timestamp() * 1000
    return "it was replaced since the order was given" if made > order.at else ""


def _made_anew(pod: Mapping[str, Any]) -> bool:
    owners = (pod.get("metadata") or {}).get("ownerReferences") or ()
    return any(owner.get("controller") is True for owner in owners)
