"""Facts as messages, under ids that the same delivery always gives them."""

import re
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from aiops import topics
from aiops.alerts import plain
from aiops.errors import Rejected
from aiops.events import ChangeObserved, Fact
from aiops.ids import derive
from aiops.ports import Event, Message

Content = TypeVar("Content", bound=BaseModel)

MAX_SERVICE = 253
"""Characters of a name: what Kubernetes allows, https://kubernetes.io/docs/concepts/overview/working-with-objects/names/"""


def told(fact: Fact, sender: str, key: str, at: int) -> Message:
    """Return the message that tells of a fact; what is said of one thing stays in order."""
    data = fact.model_dump_json()
    event = Event(
        id=derive("gateway", sender, fact.type, data),
        source=f"/aiops/gateway/{sender}",
        type=fact.type,
        time=at,
        data=data.encode(),
        subject=key,
    )
    return Message(topics.CONTROL, key, event)


def change(service: str, kind: str, summary: str, at: int) -> ChangeObserved:
    """Return that a service was changed; its words are made harmless.

    Raises:
        Rejected: that is no name of a service.
    """
    if not re.fullmatch(rf"[\w.:@-]{{1,{MAX_SERVICE}}}", service):
        raise Rejected("service: no name of a service")
    return ChangeObserved(service=service, kind=kind, summary=plain(summary), observed_at=at)


def read(body: bytes, model: type[Content]) -> Content:
    """Return a body's content.

    Raises:
        Rejected: the message names the first field that is wrong, and quotes nothing.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        names = (str(part) for part in first["loc"])
        where = ".".join(names)[:200] or "body"
        raise Rejected(f"{where}: {first['type']}") from None
