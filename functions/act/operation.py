"""What an operation is: one thing a runbook may do to one target, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol

from pydantic import BaseModel

OPERATIONS = "functions.act.operations"
"""The package of the plugins: a module's name is what a runbook's step calls it."""

OPERATION_SECONDS = 10.0
"""A dry run or a performance must have ended by then, however slowly the other side answers."""

Repeat = Literal["derived_name", "absolute", "at_most_once"]


@dataclass(frozen=True, slots=True)
class Target:
    """What an operation changes; locks, budgets and guards count by it.

    Attributes:
        kind: Such as `Deployment`, `Pod`, `Job` or `webhook`.
        namespace: Empty where it lies in none, as with a webhook.
        name: Its name; for a Job the template's, as each run has a name of its own.
    """

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """Return it as people write it, such as `Deployment payments/cart`."""
        place = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {place}{self.name}"


@dataclass(frozen=True, slots=True)
class Order:
    """One step of one run; every attempt at it carries the same.

    Attributes:
        key: Derived from run and step: 32 hexadecimal digits. An object made for it is named after
            it, so that whoever makes it again is told that it exists.
        incident: Id of the incident, for annotations and payloads.
        runbook: Name of the runbook, likewise.
        at: Unix milliseconds; when the run was proposed. A time to be written, such as that of a
            restart, is this one, so that a repetition changes nothing.
    """

    key: str
    incident: str
    runbook: str
    at: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt.

    Attributes:
        verdict: `done`: it holds, now or since an earlier attempt. `refused`: it will never work.
            `retry`: nothing happened, or happening again does no harm; try later. `unknown`: it may
            have happened, and must not happen again; only for `at_most_once`.
        reason: In words, without any secret.
        labels: Those of the target as the server knows them, where it told them; a dry run tells
            them, as runbooks may spare targets by their labels.
        retry_after_ms: How long the other side asks to be left alone, real milliseconds.
        may_have_happened: Whether a `retry` may have had its effect all the same, as where there
            was no answer.
    """

    verdict: Literal["done", "refused", "retry", "unknown"]
    reason: str
    labels: Mapping[str, str] = field(default_factory=dict)
    retry_after_ms: int = 0
    may_have_happened: bool = False


class Operation(Protocol):
    """One kind of operation; the class is called `Operation` in its module.

    Nothing here is given text that somebody outside wrote: arguments are checked by the model
    `arguments` after names from the incident's target were put in.

    Attributes:
        arguments: What a step gives, frozen and `extra="forbid"`, each text bound by a pattern. A
            field `namespace` that a step leaves out is the namespace of the incident's target.
        needs: Settings without which it cannot be used.
        takes: Settings with a value where nothing is set.
        reversible: Whether what it does can be taken back, or mends itself; only such operations
            run without anybody's approval.
        repeat: Why an attempt may be repeated after a crash: `derived_name`, the object made is
            named after the order's key, and that it exists already is `done`; `absolute`, it sets
            a value that is the same each time; `at_most_once`, it may not.
    """

    arguments: ClassVar[type[BaseModel]]
    needs: ClassVar[tuple[str, ...]]
    takes: ClassVar[Mapping[str, str]]
    reversible: ClassVar[bool]
    repeat: ClassVar[Repeat]

    def __init__(self, values: Mapping[str, str]) -> None:
        """Take the settings named by `needs` and `takes`; connections are made on first use.

        Raises:
            Misconfigured: one is wrong; the message names it, never its value.
        """

    def target(self, arguments: BaseModel) -> Target:
        """Return what it would change."""

    def summary(self, arguments: BaseModel) -> str:
        """Return what it would do, in a line, such as `restart Deployment payments/cart`."""

    def dry_run(self, arguments: BaseModel, order: Order) -> Outcome:
        """Have the server check everything and change nothing; never raises for what it answers.

        `done` means that it would work. What has no way to be tried says so in the reason.
        """

    def perform(self, arguments: BaseModel, order: Order) -> Outcome:
        """Do it; never raises for what the other side answers."""
