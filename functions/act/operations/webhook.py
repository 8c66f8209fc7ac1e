"""Calls a system that runs something, such as Argo Workflows, Rundeck or AWX, signed."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

import orjson
from pydantic import BaseModel, ConfigDict, Field

from aiops.clock import SystemClock
from functions.act.allowed import Allowed
from functions.act.answer import Answer
from functions.act.channel import Request
from functions.act.channels.webhook import decoded, sign
from functions.act.connecting import Connector
from functions.act.operation import OPERATION_SECONDS, Order, Outcome, Repeat, Target
from functions.act.receivers import SETTING, Name, Receiver, filled, read_receivers
from functions.act.sender import HttpSender

NOTHING_DONE = frozenset((408, 425, 429, 503))
"""What a receiver answers before it does anything; what else goes wrong may go wrong afterwards."""

Parameter = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Value = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,252}$")]


class Arguments(BaseModel):
    """Who is called, and what with.

    Attributes:
        receiver: Name of one in `RUNBOOK_WEBHOOKS`.
        parameters: All that its body asks for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    receiver: Name
    parameters: dict[Parameter, Value] = Field(default_factory=dict, max_length=20)


class Operation:
    """Sends one request, signed by the Standard Webhooks conventions, its id the order's key.

    What takes such a call need not notice a repetition, so it is not repeated where the first call
    may have had an effect.
    """

    arguments: ClassVar[type[BaseModel]] = Arguments
    needs: ClassVar[tuple[str, ...]] = (SETTING,)
    takes: ClassVar[Mapping[str, str]] = {"ALLOWED_ADDRESSES": ""}
    reversible: ClassVar[bool] = False
    repeat: ClassVar[Repeat] = "at_most_once"

    def __init__(self, values: Mapping[str, str]) -> None:
        self._receivers = read_receivers(values[SETTING])
        self._sender = HttpSender(Connector(Allowed.parse(values["ALLOWED_ADDRESSES"])))

    def target(self, arguments: Arguments) -> Target:
        """Return the receiver, which lies in no namespace."""
        return Target("webhook", "", arguments.receiver)

    def summary(self, arguments: Arguments) -> str:
        """Return what it would do."""
        told = ", ".join(f"{name}={value}" for name, value in sorted(arguments.parameters.items()))
        words = f" with {told}" if told else ""
        return f"call {arguments.receiver}{words}"

    def dry_run(self, arguments: Arguments, order: Order) -> Outcome:  # noqa: ARG002 - as every operation
        """Check what can be checked here; the receiver is not asked."""
        problem = self._problem(arguments)
        if problem:
            return Outcome("refused", problem)
        return Outcome("done", "a webhook cannot be tried beforehand; nothing was sent")

    def perform(self, arguments: Arguments, order: Order) -> Outcome:
        """Call it."""
        problem = self._problem(arguments)
        if problem:
            return Outcome("refused", problem)
        request = _request(self._receivers[arguments.receiver], arguments, order)
        return _outcome(self._sender.send(request, OPERATION_SECONDS))

    def _problem(self, arguments: Arguments) -> str:
        receiver = self._receivers.get(arguments.receiver)
        if receiver is None:
            return f"no receiver {arguments.receiver} in {SETTING}"
        given = frozenset(arguments.parameters)
        missing, unknown = receiver.parameters - given, given - receiver.parameters
        if missing:
            return f"{arguments.receiver} needs the parameter {min(missing)}"
        return f"{arguments.receiver} has no parameter {min(unknown)}" if unknown else ""


def _request(receiver: Receiver, arguments: Arguments, order: Order) -> Request:
    names = {f"parameters.{name}": value for name, value in arguments.parameters.items()}
    names |= {"incident": order.incident, "runbook": order.runbook, "key": order.key}
    body = orjson.dumps(filled(receiver.body, names))
    at = SystemClock().now() // 1000
    signature = sign(decoded(receiver.secret), order.key, at, body)
    headers = {
        **receiver.headers,
        "webhook-id": order.key,
        "webhook-timestamp": str(at),
        "webhook-signature": signature,
    }
    secrets = (receiver.secret, signature, *_words(receiver))
    return Request("webhook", receiver.url, body, headers, secrets=secrets)


def _words(receiver: Receiver) -> list[str]:
    """Return what of the headers may be secret, as the receiver may echo it."""
    return [word for value in receiver.headers.values() for word in (value, *value.split())]


def _outcome(answer: Answer) -> Outcome:
    if answer.verdict != "retry":
        return Outcome(answer.verdict, answer.reason)
    if answer.may_have_arrived or (answer.status and answer.status not in NOTHING_DONE):
        return Outcome("unknown", answer.reason)
    return Outcome("retry", answer.reason, retry_after_ms=answer.retry_after_ms)
