"""Starts a Job from a template that was put there for it."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from functions.act.job_templates import MAX_NAME, job, load_templates, parameters_of
from functions.act.kubernetes.client import SETTINGS, Kubernetes
from functions.act.kubernetes.reply import Reply
from functions.act.kubernetes.resource import NAMESPACE, Namespace, Resource
from functions.act.operation import Order, Outcome, Repeat, Target

EXISTS = "AlreadyExists"

Template = Annotated[str, Field(pattern=NAMESPACE, max_length=MAX_NAME)]
Variable = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")]
Value = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,252}$")]


class Arguments(BaseModel):
    """Which Job, and what it is told.

    Attributes:
        template: Name of a file in `JOB_TEMPLATE_DIR`, without `.yaml`.
        parameters: Values of variables that the template has.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    template: Template
    namespace: Namespace
    parameters: dict[Variable, Value] = Field(default_factory=dict, max_length=20)


class Operation:
    """Makes the Job under a name of the order's own: that it exists already means it was made."""

    arguments: ClassVar[type[BaseModel]] = Arguments
    needs: ClassVar[tuple[str, ...]] = ("JOB_TEMPLATE_DIR",)
    takes: ClassVar[Mapping[str, str]] = SETTINGS
    reversible: ClassVar[bool] = False
    repeat: ClassVar[Repeat] = "derived_name"

    def __init__(self, values: Mapping[str, str]) -> None:
        self._kubernetes = Kubernetes(values)
        self._templates = load_templates(values["JOB_TEMPLATE_DIR"])

    def target(self, arguments: Arguments) -> Target:
        """Return the template, in its namespace."""
        return Target("Job", arguments.namespace, arguments.template)

    def summary(self, arguments: Arguments) -> str:
        """Return what it would do."""
        told = ", ".join(f"{name}={value}" for name, value in sorted(arguments.parameters.items()))
        words = f" with {told}" if told else ""
        return f"start {self.target(arguments)}{words}"

    def dry_run(self, arguments: Arguments, order: Order) -> Outcome:
        """Have the server check it."""
        return self._create(arguments, order, dry=True).outcome("the server would start it")

    def perform(self, arguments: Arguments, order: Order) -> Outcome:
        """Start it."""
        reply = self._create(arguments, order, dry=False)
        if reply.cause == EXISTS:
            return Outcome("done", "started before")
        return reply.outcome("started")

    def _create(self, arguments: Arguments, order: Order, *, dry: bool) -> Reply:
        template = self._templates.get(arguments.template)
        if template is None:
            return Reply("refused", f"no template {arguments.template} in JOB_TEMPLATE_DIR")
        unknown = sorted(set(arguments.parameters) - parameters_of(template))
        if unknown:
            return Reply("refused", f"the template has no variable {unknown[0]} with a value")
        made = job(template, arguments.template, arguments.namespace, arguments.parameters, order)
        return self._kubernetes.conversation().create(
            Resource("jobs", arguments.namespace), made, dry=dry
        )
