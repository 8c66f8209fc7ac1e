"""Events as the API server writes them, in both of its versions: what of them is read.

`core/v1` says `involvedObject`, `message`, `count`; `events.k8s.io/v1` says `regarding`, `note`,
`series`. Any of them may be null, times above all. What is said besides is passed over.
Source: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
"""

from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

MAX_NAME = 253
"""Characters of a name: what Kubernetes allows, https://kubernetes.io/docs/concepts/overview/working-with-objects/names/"""


def _bounded(text: object) -> object:
    return text[:MAX_NAME] if isinstance(text, str) else text or ""


def _counted(count: object) -> object:
    return 0 if count is None else count


Text = Annotated[str, BeforeValidator(_bounded)]
Long = Annotated[str, BeforeValidator(lambda text: text or "")]
Times = Annotated[int, BeforeValidator(_counted), Field(ge=0, lt=1 << 31)]


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, populate_by_name=True)


class Owner(_Lenient):
    """Who made an object."""

    kind: Text = ""
    name: Text = ""


class Object(_Lenient):
    """What it happened to; labels and owners where whoever passes Events on added them."""

    kind: str = Field(min_length=1, max_length=MAX_NAME)
    name: str = Field(min_length=1, max_length=MAX_NAME)
    namespace: Text = ""
    field_path: Text = Field(default="", alias="fieldPath")
    labels: dict[str, str] | None = None
    owners: list[Owner] | None = Field(default=None, alias="ownerReferences")


class Metadata(_Lenient):
    """What names an Event."""

    uid: Text = ""
    name: Text = ""
    namespace: Text = ""
    created: Text = Field(default="", alias="creationTimestamp")


class Series(_Lenient):
    """How often an Event happened, and when it last did."""

    count: Times = 0
    last: Text = Field(default="", alias="lastObservedTime")


class Reporter(_Lenient):
    """Who says so, and from which node."""

    component: Text = ""
    host: Text = ""


def _either(*names: str) -> Any:
    return Field(default=None, validation_alias=AliasChoices(*names))


class WrittenEvent(_Lenient):
    """An Event, in either version."""

    metadata: Metadata
    about: Object = Field(validation_alias=AliasChoices("involvedObject", "regarding"))
    reason: Long = ""
    message: Long | None = _either("message")
    note: Long | None = None
    type: Text = ""
    count: Times | None = None
    counted: Times | None = _either("deprecatedCount")
    series: Series | None = None
    source: Reporter | None = _either("source")
    sourced: Reporter | None = _either("deprecatedSource")
    component: Text = Field(default="", alias="reportingComponent")
    controller: Text = Field(default="", alias="reportingController")
    instance: Text = Field(default="", alias="reportingInstance")
    last: Text = Field(default="", alias="lastTimestamp")
    lasted: Text = Field(default="", alias="deprecatedLastTimestamp")
    at: Text = Field(default="", alias="eventTime")
    first: Text = Field(default="", alias="firstTimestamp")
