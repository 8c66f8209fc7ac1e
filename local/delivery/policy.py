"""What an answer means, when to try again, and which events pass a filter: pure decisions.

Source: knative-extensions/eventing-kafka-broker, WebClientCloudEventSender (retries and back-off),
RecordDispatcherImpl (what a dead letter carries) and BaseResponseHandler (replies).
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from local.delivery.cloudevent import CloudEvent, of_http
from local.objects import DeliverySpec

_RETRIED = frozenset({404, 408, 409, 429})
ERROR_DATA_BYTES = 1024
"""How much of an answer a dead letter quotes."""

_ERROR_HEADER = "kne-"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one attempt got.

    Attributes:
        status: The HTTP status, None where there was no answer: refused, reset or timed out.
        headers: By lower-case name.
        body: As far as it was read.
        problem: In words, where there was no answer.
    """

    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    problem: str = ""

    @property
    def words(self) -> str:
        """The answer in a few words, for a log line."""
        if self.status is None:
            return self.problem
        return f"{self.status} {self.body[:200].decode(errors='replace').strip()}".strip()


class Verdict(Enum):
    """What an answer means for the event."""

    DONE = "done"
    AGAIN = "again"
    FAILED = "failed"


def judge(answer: Answer) -> Verdict:
    """Return what an answer means: 2xx is done, some are tried again, the rest has failed."""
    if answer.status is None or answer.status in _RETRIED or answer.status >= 500:
        return Verdict.AGAIN
    return Verdict.DONE if 200 <= answer.status < 300 else Verdict.FAILED


def backoff(spec: DeliverySpec, retry: int) -> float:
    """Return the seconds before retry number `retry`, counted from 1."""
    factor = retry if spec.backoff_policy == "linear" else 2**retry
    return float(spec.backoff_delay * factor)


def reply_of(answer: Answer) -> tuple[bool, CloudEvent | None]:
    """Return whether a Trigger accepts a 2xx answer, and the event it replies with.

    A body that is no CloudEvent is not accepted.
    """
    event = of_http(answer.headers, answer.body)
    return event is not None or not answer.body, event


def passes(attributes: Mapping[str, str], event: CloudEvent) -> bool:
    """Return whether an event has every attribute with exactly its value.

    The empty value asks only that the attribute is there.
    """
    return all(
        name in event.attributes and value in {"", event.attributes[name]}
        for name, value in attributes.items()
    )


def dead_letter(event: CloudEvent, destination: str, answer: Answer) -> CloudEvent:
    """Return the event as the dead letter sink gets it: where it failed, how, and with what words.

    Without an answer only the destination is known.
    """
    extensions = {"knativeerrordest": destination}
    if answer.status is not None:
        extensions["knativeerrorcode"] = str(answer.status)
        for name, value in answer.headers.items():
            if name.startswith(_ERROR_HEADER):
                extensions[name.removeprefix(_ERROR_HEADER)] = value
        if answer.body:
            quoted = base64.b64encode(answer.body[:ERROR_DATA_BYTES])
            extensions["knativeerrordata"] = quoted.decode()
    return event.extended(**extensions)
