"""Deploys as others tell of them: CDEvents in CloudEvents.

Source: https://github.com/cdevents/spec/blob/v0.5.1/continuous-deployment.md
"""

from pydantic import BaseModel, ConfigDict, Field

from aiops.events import ChangeObserved
from aiops.ports import Event
from functions.gateway.facts import change, read

SERVICE = "dev.cdevents.service."
KINDS = {"deployed": "deploy", "upgraded": "deploy", "rolledback": "rollback", "removed": "remove"}
"""What they call it, and what we do; `published` only makes a service reachable."""


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


class _Environment(_Lenient):
    id: str = Field(default="", max_length=2_048)


class _Content(_Lenient):
    environment: _Environment = _Environment()
    artifact: str = Field(default="", max_length=2_048, alias="artifactId")


class _Subject(_Lenient):
    id: str = Field(min_length=1, max_length=2_048)
    content: _Content = _Content()


class _Data(_Lenient):
    subject: _Subject


def change_told_by(event: Event, at: int) -> ChangeObserved | None:
    """Return the change a CDEvent tells of; None where it tells of something else.

    The service is the last part of the subject's id, which others write as a path.

    Raises:
        Rejected: it should tell of one, and does not say of what.
    """
    word = event.type.removeprefix(SERVICE).partition(".")[0]
    if not event.type.startswith(SERVICE) or word not in KINDS:
        return None
    subject = read(event.data, _Data).subject
    service = subject.id.rstrip("/").rpartition("/")[2]
    content = subject.content
    return change(service, KINDS[word], f"{content.artifact} {content.environment.id}", at)
