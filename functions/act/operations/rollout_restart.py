"""Replaces the pods of a workload one after another, as `kubectl rollout restart` does."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from functions.act.kubernetes.client import SETTINGS, STRATEGIC_MERGE_PATCH, Kubernetes
from functions.act.kubernetes.reply import Reply
from functions.act.kubernetes.resource import PLURALS, Namespace, ObjectName, Resource
from functions.act.operation import Order, Outcome, Repeat, Target

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
"""Source: https://kubernetes.io/docs/reference/labels-annotations-taints/"""


class Arguments(BaseModel):
    """What is restarted."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["Deployment", "StatefulSet", "DaemonSet"] = "Deployment"
    namespace: Namespace
    name: ObjectName


class Operation:
    """Writes the time of the order into the template of the pods.

    The same time written again changes nothing, so a repetition restarts nothing.
    """

    arguments: ClassVar[type[BaseModel]] = Arguments
    needs: ClassVar[tuple[str, ...]] = ()
    takes: ClassVar[Mapping[str, str]] = SETTINGS
    reversible: ClassVar[bool] = True
    repeat: ClassVar[Repeat] = "absolute"

    def __init__(self, values: Mapping[str, str]) -> None:
        self._kubernetes = Kubernetes(values)

    def target(self, arguments: Arguments) -> Target:
        """Return the workload."""
        return Target(arguments.kind, arguments.namespace, arguments.name)

    def summary(self, arguments: Arguments) -> str:
        """Return what it would do."""
        return f"restart {self.target(arguments)}"

    def dry_run(self, arguments: Arguments, order: Order) -> Outcome:
        """Have the server check it; what would not restart by this is refused."""
        reply = self._patch(arguments, order, dry=True)
        against = _against(reply.content)
        if reply.verdict == "done" and against:
            return Outcome("refused", against, reply.labels)
        return reply.outcome("the server would restart it")

    def perform(self, arguments: Arguments, order: Order) -> Outcome:
        """Restart it."""
        return self._patch(arguments, order, dry=False).outcome("restart begun")

    def _patch(self, arguments: Arguments, order: Order, *, dry: bool) -> Reply:
        at = datetime.fromtimestamp(order.at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        change = {"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: at}}}}}
        resource = Resource(PLURALS[arguments.kind], arguments.namespace, arguments.name)
        return self._kubernetes.conversation().patch(
            resource, change, STRATEGIC_MERGE_PATCH, dry=dry
        )


def _against(workload: Mapping[str, Any]) -> str:
    """Return why a changed template would not replace the pods."""
    spec = workload.get("spec") or {}
    if spec.get("paused"):
        return "its rollouts are paused"
    strategy = spec.get("updateStrategy") or {}
    return "its pods are replaced only when deleted" if strategy.get("type") == "OnDelete" else ""
