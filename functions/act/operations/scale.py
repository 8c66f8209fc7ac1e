"""Sets how many pods a workload has."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from aiops.errors import Misconfigured
from functions.act.kubernetes.client import MERGE_PATCH, SETTINGS, Conversation, Kubernetes
from functions.act.kubernetes.reply import Reply
from functions.act.kubernetes.resource import PLURALS, Namespace, ObjectName, Resource
from functions.act.operation import Order, Outcome, Repeat, Target

CONFLICT = 409


class Arguments(BaseModel):
    """How many of what.

    Attributes:
        replicas: How many there shall be; never none.
        may_shrink: Whether there may be fewer than before; a workload that has more already is
            left as it is otherwise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["Deployment", "StatefulSet"] = "Deployment"
    namespace: Namespace
    name: ObjectName
    replicas: int = Field(ge=1, le=1_000, strict=True)
    may_shrink: bool = False


class Operation:
    """Sets an absolute number, which is the same however often it is set.

    An autoscaler of the workload has the last word; raise its minimum by a job instead.
    """

    arguments: ClassVar[type[BaseModel]] = Arguments
    needs: ClassVar[tuple[str, ...]] = ()
    takes: ClassVar[Mapping[str, str]] = {**SETTINGS, "RUNBOOK_MAX_REPLICAS": "50"}
    reversible: ClassVar[bool] = True
    repeat: ClassVar[Repeat] = "absolute"

    def __init__(self, values: Mapping[str, str]) -> None:
        self._kubernetes = Kubernetes(values)
        written = values["RUNBOOK_MAX_REPLICAS"]
        if not (written.isascii() and written.isdigit() and 1 <= int(written[:9]) <= 1_000):
            raise Misconfigured("RUNBOOK_MAX_REPLICAS: expected a number from 1 to 1000")
        self._most = int(written)

    def target(self, arguments: Arguments) -> Target:
        """Return the workload."""
        return Target(arguments.kind, arguments.namespace, arguments.name)

    def summary(self, arguments: Arguments) -> str:
        """Return what it would do."""
        return f"scale {self.target(arguments)} to {arguments.replicas}"

    def dry_run(self, arguments: Arguments, order: Order) -> Outcome:  # noqa: ARG002 - as every operation
        """Have the server check it; what has as many already is refused."""
        if arguments.replicas > self._most:
            return Outcome("refused", f"more than RUNBOOK_MAX_REPLICAS, {self._most}")
        conversation = self._kubernetes.conversation()
        workload = conversation.get(_resource(arguments))
        if workload.verdict != "done":
            return workload.outcome()
        reply, before = _scaled(conversation, arguments, dry=True)
        if reply.verdict == "done" and _enough(arguments, before):
            return Outcome("refused", f"it has {before} already", workload.labels)
        words = f"the server would scale it from {before} to {arguments.replicas}"
        outcome = reply.outcome(words)
        return Outcome(outcome.verdict, outcome.reason, workload.labels, outcome.retry_after_ms)

    def perform(self, arguments: Arguments, order: Order) -> Outcome:  # noqa: ARG002 - as every operation
        """Scale it."""
        if arguments.replicas > self._most:
            return Outcome("refused", f"more than RUNBOOK_MAX_REPLICAS, {self._most}")
        reply, before = _scaled(self._kubernetes.conversation(), arguments, dry=False)
        if _enough(arguments, before):
            return reply.outcome(f"it has {before} pods")
        return reply.outcome(f"scaled from {before} to {arguments.replicas}")


def _resource(arguments: Arguments, part: Literal["", "scale"] = "") -> Resource:
    return Resource(PLURALS[arguments.kind], arguments.namespace, arguments.name, part)


def _scaled(conversation: Conversation, arguments: Arguments, *, dry: bool) -> tuple[Reply, int]:
    """Set the number unless there are enough; return the answer, and how many there were.

    Whoever scales it between the look and the change is not overruled: the server is told which
    state was seen.
    """
    resource = _resource(arguments, "scale")
    seen = conversation.get(resource)
    before = int((seen.content.get("spec") or {}).get("replicas") or 0)
    if seen.verdict != "done" or _enough(arguments, before):
        return seen, before
    version = (seen.content.get("metadata") or {}).get("resourceVersion")
    held = {"metadata": {"resourceVersion": version}} if version else {}
    change = {**held, "spec": {"replicas": arguments.replicas}}
    reply = conversation.patch(resource, change, MERGE_PATCH, dry=dry)
    if reply.status == CONFLICT:
        return Reply("retry", "someone else changed it meanwhile", reply.status), before
    return reply, before


def _enough(arguments: Arguments, before: int) -> bool:
    return before == arguments.replicas or (
        before > arguments.replicas and not arguments.may_shrink
    )
