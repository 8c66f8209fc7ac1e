"""A runbook as people write it: what it answers, what it does, and what it must never do."""

from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from aiops.events import Severity
from functions.act.hours import WeeklyHours

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_LABEL = "labels."

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Duration = Annotated[str, Field(pattern=r"^[0-9]{1,4}[smhd]$")]
"""Such as `90s`, `30m`, `2h` or `7d`."""

Glob = Annotated[str, Field(min_length=1, max_length=253)]
_GLOB = {"type": "string", "minLength": 1, "maxLength": 253}
_GLOBS = {"anyOf": [_GLOB, {"type": "array", "items": _GLOB, "minItems": 1, "maxItems": 50}]}
Globs = Annotated[
    tuple[Glob, ...], Field(min_length=1, max_length=50), WithJsonSchema(cast("Any", _GLOBS))
]
"""Any of them matches; `*` stands for any text and `?` for any character."""


def milliseconds(duration: str) -> int:
    """Return what a duration lasts."""
    return int(duration[:-1]) * _UNITS[duration[-1]] * 1_000


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Metadata(_Part):
    """What a runbook is called, and whose it is."""

    name: Name
    owner: str = Field(default="", max_length=200)
    description: str = Field(default="", max_length=2_000)


class Match(_Part):
    """Which incidents it answers; all of it must hold of the likeliest cause.

    A pattern may stand alone or in a list. `labels.NAME` is a pattern of that label.

    Attributes:
        metric: Patterns of the metric that speaks most against the cause, as `root_cause.metric`.
        service: Patterns of the service.
        domain: Patterns of the incident's domain.
        labels: By their names; one that is absent matches nothing.
        min_confidence: How sure it must be, 0 to 1; above 0, what nobody can be sure of is not
            answered.
        min_severity: How severe it must be.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        populate_by_name=False,
        json_schema_extra={
            "patternProperties": {r"^labels\..+": cast("Any", _GLOBS)},
        },
    )
    metric: Globs = Field(default=("*",), alias="root_cause.metric")
    service: Globs = ("*",)
    domain: Globs = ("*",)
    labels: dict[str, Globs] = Field(default_factory=dict, max_length=32)
    min_confidence: float = Field(default=0.0, ge=0, le=1)
    min_severity: Severity = 1

    @model_validator(mode="before")
    @classmethod
    def _as_people_write_it(cls, given: Any) -> Any:
        """Make a lone pattern one of several, and `labels.NAME` among the labels."""
        if not isinstance(given, dict):
            return given
        found: dict[str, Any] = {}
        labels = given.get("labels", {})
        if not isinstance(labels, dict):
            return given
        labels = {name: _listed(patterns) for name, patterns in labels.items()}
        for name, value in given.items():
            if isinstance(name, str) and name.startswith(_LABEL):
                labels[name.removeprefix(_LABEL)] = _listed(value)
            elif name != "labels":
                found[name] = _listed(value)
        return found | ({"labels": labels} if labels else {})


class Guard(_Part):
    """What it must never do; everything is guarded unless it is told otherwise.

    Attributes:
        mode: `off`; `dry-run`, the server checks what would be done, and people are told;
            `approve`, it waits for people; `auto`, it goes ahead where all it does can be taken
            back and no storm goes on, and waits for people otherwise.
        allow_namespaces: Where it may change anything; none unless they are named.
        deny_labels: Targets with any of these labels are left alone, whether the incident or the
            cluster says so.
        cooldown: For how long a target is left alone after a run.
        max_per_hour: Runs of this runbook that may begin in an hour.
        max_targets: Things one run may change.
        blast_radius_max: Services that may be affected by the incident, at most; where there are
            more, people decide without it.
        window: Hours of the week in which it may begin; always where not given.
        approve_ttl: For how long it waits for people, and for how long their word holds.
        min_approvers: Different people who must approve.
        open_after: Failures in a row that open its breaker: it then does nothing.
        open_for: For how long, unless somebody closes it.
    """

    mode: Literal["off", "dry-run", "approve", "auto"] = "dry-run"
    allow_namespaces: tuple[Name, ...] = Field(default=(), max_length=100)
    deny_labels: dict[str, str] = Field(
        default_factory=lambda: {"aiops.io/protected": "true"}, max_length=32
    )
    cooldown: Duration = "30m"
    max_per_hour: int = Field(default=3, ge=1, le=1_000)
    max_targets: int = Field(default=1, ge=1, le=10)
    blast_radius_max: int = Field(default=5, ge=0, le=100_000)
    window: WeeklyHours | None = None
    approve_ttl: Duration = "15m"
    min_approvers: int = Field(default=1, ge=1, le=10)
    open_after: int = Field(default=2, ge=1, le=100)
    open_for: Duration = "1d"

    @field_validator("mode", mode="before")
    @classmethod
    def _off_is_a_word(cls, mode: Any) -> Any:
        """Take `off` as it is meant: YAML reads it as false."""
        return "off" if mode is False else mode


class Verify(_Part):
    """How it is known that it helped.

    Attributes:
        metric: `recovered`: the incident ended, or in the second half of the time what it answers
            showed no anomaly.
        within: How long that may take.
        on_fail: `page` tells everybody who is told of failures; `tell` only who reads along.
    """

    metric: Literal["recovered"] = "recovered"
    within: Duration = "10m"
    on_fail: Literal["page", "tell"] = "page"


Step = Annotated[dict[str, dict[str, JsonValue]], Field(min_length=1, max_length=1)]
"""One kind of operation, and what it is given."""


class Runbook(_Part):
    """A runbook.

    Attributes:
        steps: What it does, in this order: each names one kind of operation, and what it is given.
            `{{ labels.NAME }}` stands for a label of the likeliest cause, `{{ namespace }}` for
            the namespace its labels name, `{{ service }}` for it.
    """

    apiVersion: Literal["aiops/v1"]  # noqa: N815 - as in every file of this kind
    kind: Literal["Runbook"]
    metadata: Metadata
    match: Match
    guard: Guard = Guard()
    steps: tuple[Step, ...] = Field(min_length=1, max_length=10)
    verify: Verify = Verify()

    @property
    def name(self) -> str:
        """What it is called."""
        return self.metadata.name

    @property
    def operations(self) -> tuple[tuple[str, dict[str, JsonValue]], ...]:
        """Kind and arguments of each step, as written."""
        return tuple(next(iter(step.items())) for step in self.steps)


def _listed(value: Any) -> Any:
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value
