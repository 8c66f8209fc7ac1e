"""What a record of the dead letter topic is: a letter, or the mark that one was redriven."""

import base64
import binascii
import re
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from aiops.errors import Misconfigured
from local.delivery.cloudevent import CloudEvent, Record, carried

MARK_TYPE = "dev.aiops.letter.redriven.v1"
REDRIVEN = "redriven"
"""How often an event was published again: an extension of ours."""

ERROR_DESTINATION = "knativeerrordest"
ERROR_CODE = "knativeerrorcode"
ERROR_DATA = "knativeerrordata"
PARTITION = "knativekafkapartition"
OFFSET = "knativekafkaoffset"
OF_DELIVERY = frozenset({ERROR_DESTINATION, ERROR_CODE, ERROR_DATA, PARTITION, OFFSET})
"""Extensions that delivery added: where the record lay, and how its delivery ended.

Source: knative-extensions/eventing-kafka-broker, CloudEventOverridesMutator, RecordDispatcherImpl.
"""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a record lies in the dead letter topic; a letter's id."""

    partition: int
    offset: int

    def __str__(self) -> str:
        """Return `partition:offset`."""
        return f"{self.partition}:{self.offset}"

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Read `partition:offset`.

        Raises:
            Misconfigured: it is something else.
        """
        match = re.fullmatch(r"(\d{1,9}):(\d{1,18})", text)
        if match is None:
            raise Misconfigured(f"expected PARTITION:OFFSET such as 0:41, got {text!r}")
        return cls(int(match[1]), int(match[2]))


@dataclass(frozen=True, slots=True)
class Letter:
    """An event that could not be delivered, and how its delivery ended.

    Attributes:
        place: Where it lies.
        time: When it was put there, unix milliseconds.
        event: The event as it was delivered; None where the record is no CloudEvent.
        data: Of the event, or all of a record that is none; None where it was left out.
        size: Of the data, in bytes.
    """

    place: Place
    time: int
    event: CloudEvent | None
    data: bytes | None
    size: int

    @property
    def type(self) -> str:
        """The event's type."""
        return self.attribute("type")

    @property
    def code(self) -> int | None:
        """The status of the last answer; None where there was no answer."""
        return _number(self.attribute(ERROR_CODE))

    @property
    def reason(self) -> str:
        """The words of the last answer, as far as Knative quotes them."""
        try:
            quoted = base64.b64decode(self.attribute(ERROR_DATA), validate=True)
        except binascii.Error:
            return self.attribute(ERROR_DATA)
        silent = self.event is not None and self.code is None
        return quoted.decode(errors="replace").strip() or ("no answer" if silent else "")

    @property
    def service(self) -> str:
        """Name of the Service it was for, empty where that is not known."""
        try:
            host = urlsplit(self.attribute(ERROR_DESTINATION)).hostname or ""
        except ValueError:
            return ""
        return host.partition(".")[0]

    @property
    def origin(self) -> tuple[int, int] | None:
        """Partition and offset it had in the topic it came from, None where not known."""
        partition, offset = _number(self.attribute(PARTITION)), _number(self.attribute(OFFSET))
        return None if partition is None or offset is None else (partition, offset)

    @property
    def redriven(self) -> int:
        """How often it had been published again before it came here."""
        return _number(self.attribute(REDRIVEN)) or 0

    def attribute(self, name: str) -> str:
        """Return an attribute or extension, empty where there is none."""
        return "" if self.event is None else self.event.attributes.get(name, "")


@dataclass(frozen=True, slots=True)
class Mark:
    """Says of a letter that its event was published again."""

    letter: Place


def read_record(record: Record) -> Letter | Mark:
    """Return what a record is."""
    event = carried(record)
    if event is not None and event.attributes["type"] == MARK_TYPE:
        try:
            return Mark(Place.parse(event.attributes.get("subject", "")))
        except Misconfigured:
            event = None
    place = Place(record.partition, record.offset)
    data = (record.value if event is None else event.data) or b""
    return Letter(place, record.timestamp, event, data, len(data))


def without_data(letter: Letter) -> Letter:
    """Return a letter that has lost its data, of which a listing shows only the size."""
    event = letter.event and CloudEvent(letter.event.attributes, None)
    return replace(letter, event=event, data=None)


def mark(letter: Letter) -> CloudEvent:
    """Return the event that is put behind a letter once it was redriven."""
    return CloudEvent(
        {
            "specversion": "1.0",
            "id": f"redriven/{letter.place}",
            "source": "/aiops/dlq",
            "type": MARK_TYPE,
            "subject": str(letter.place),
        },
        None,
    )


def original(event: CloudEvent, redriven: int) -> CloudEvent:
    """Return the event as it was before its delivery, but for the count of its returns."""
    kept = {name: text for name, text in event.attributes.items() if name not in OF_DELIVERY}
    return CloudEvent({**kept, REDRIVEN: str(redriven)}, event.data)


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\d{1,18}", text) else None
