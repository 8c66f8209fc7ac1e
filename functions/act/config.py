"""Who is told what, and how long an unanswering receiver is tried."""

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from aiops.action_log import Kind
from aiops.events import Severity
from functions.act.hours import WeeklyHours
from functions.act.routing import Route
from functions.act.written_secret import ADVICE, is_secret, secrets_in

ALL_KINDS: tuple[Kind, ...] = (
    "opened", "reopened", "flapping", "severity_raised", "cause_changed", "repeated", "grown",
    "acknowledged", "resolved", "merged", "run_proposed", "run_finished", "run_failed",
)  # fmt: skip

SHORTEST_REPEAT = 60.0
"""Seconds: the clock looks once a minute."""

_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{1,99}")
_SECRET_NAME = re.compile(r".*(_URL|_URLS|_KEY|_TOKEN|_SECRET|_SECRETS|_PASSWORD)")


class QuietHours(WeeklyHours):
    """Hours in which nobody is to be woken.

    What began to be told before is also ended in them.

    Attributes:
        zone: Name of the time zone, such as `Europe/Berlin`.
        windows: When they hold: days and hours, such as `mon-fri 22:00-07:00`.
        below: What is at least this severe is told all the same.
        summarise: Whether all that was put off is told in one digest, what is over by then
            included; otherwise what is still open is told when they end, each for itself.
    """

    below: Severity = 4
    summarise: bool = False


class Grouping(BaseModel):
    """When many incidents become one message.

    Attributes:
        first: How many are told singly.
        within: Seconds in which they must begin to be told to count as one burst.
        wait: Seconds for which a digest waits for more before it is told.
        every: Seconds after which a digest that has grown is told again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    first: int = Field(default=5, ge=0, le=500)
    within: float = Field(default=300.0, gt=0, le=86_400)
    wait: float = Field(default=30.0, ge=0, le=3_600)
    every: float = Field(default=600.0, ge=SHORTEST_REPEAT)


class StormGuard(BaseModel):
    """When so much begins at once that nobody could read it.

    Attributes:
        more_than: Incidents somebody is to be told of that may begin ...
        within: ... in so many seconds. The storm is over when none began for as long.
        below: Below this severity a storm's incidents are told in digests only.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    more_than: int = Field(ge=1, le=500)
    within: float = Field(default=600.0, gt=0, le=86_400)
    below: Severity = 5


class ChannelRule(BaseModel):
    """What one receiver is told.

    Attributes:
        channel: What kind of receiver: name of a module in `functions/act/channels`.
        name: What it is called, in routes and records; that of the kind where not given. Two of
            one kind need two names.
        settings: Setting of the channel → environment variable that holds it for this receiver.
        values: Setting of the channel → value for this receiver, where that is no secret.
        min_severity: Below this severity nothing is opened there.
        raised_at: Severities at which it is told again once they are reached.
        tell: Kinds of messages it gets.
        tell_of_ended: Whether it hears of an incident that was over before it could be told of.
        repeat_every: Seconds after which it is told again of what is open and unacknowledged;
            never where not given.
        quiet_hours: When only what is severe is told there.
        grouping: When many incidents become one message there; never where not given.
        singly_from: What is at least this severe is told singly, however much begins at once.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    channel: str = Field(min_length=1)
    name: str = Field(default="", max_length=100, pattern=r"^[\w.-]*$")
    settings: dict[str, str] = Field(default_factory=dict)
    values: dict[str, str] = Field(default_factory=dict)
    min_severity: Severity = 1
    raised_at: tuple[Severity, ...] = (2, 3, 4, 5)
    tell: tuple[Kind, ...] = ALL_KINDS
    tell_of_ended: bool = True
    repeat_every: float | None = Field(default=None, ge=SHORTEST_REPEAT)
    quiet_hours: QuietHours | None = None
    grouping: Grouping | None = None
    singly_from: Severity = 5

    @property
    def receiver(self) -> str:
        """What it is called."""
        return self.name or self.channel

    @field_validator("settings")
    @classmethod
    def _settings_name_variables(cls, settings: dict[str, str]) -> dict[str, str]:
        for name, variable in settings.items():
            if is_secret(variable):
                raise ValueError(f"{name}: {ADVICE}")
            if not _VARIABLE.fullmatch(variable):
                raise ValueError(
                    f"{name}: expected the name of an environment variable, in capitals"
                )
        return settings

    @field_validator("values")
    @classmethod
    def _values_are_no_secrets(cls, values: dict[str, str]) -> dict[str, str]:
        for name in values:
            if _SECRET_NAME.fullmatch(name):
                raise ValueError(
                    f"{name}: may be a secret; name an environment variable for it under 'settings'"
                )
        return values


_NEVER_PAGED: frozenset[Kind] = frozenset(
    ("cause_changed", "flapping", "run_proposed", "run_finished")
)

DEFAULT_RULES = (
    ChannelRule(
        channel="pagerduty",
        min_severity=3,
        raised_at=(4,),
        tell=tuple(kind for kind in ALL_KINDS if kind not in _NEVER_PAGED),
        tell_of_ended=False,
    ),
    ChannelRule(channel="slack"),
    ChannelRule(channel="webhook"),
)

CDEVENTS = ChannelRule(
    channel="cdevents", tell=("opened", "reopened", "resolved", "merged"), tell_of_ended=False
)
"""Stands behind the others where `CDEVENTS_URL` is set and no channels are configured."""


class ActConfig(BaseModel):
    """The section `act` of the configuration.

    Attributes:
        channels: Served in this order; what wakes people stands first.
        routes: Which incidents go to which of them; all to all where there are none.
        storm: When only digests are told and no runbook starts by itself; never where not given.
        max_cause_changes: How often in a generation a channel is told of another root cause.
        give_up_after: Seconds after which a message that cannot be delivered counts as failed.
        merge_wait: Seconds for which a merged incident's alarm waits to be resolved until that of
            the incident that took it over was raised.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    channels: tuple[ChannelRule, ...] = DEFAULT_RULES
    routes: tuple[Route, ...] = ()
    storm: StormGuard | None = None
    max_cause_changes: int = Field(default=3, ge=0)
    give_up_after: float = Field(default=86_400.0, gt=0)
    merge_wait: float = Field(default=120.0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _nothing_secret(cls, content: Any) -> Any:
        for path in secrets_in(content):
            raise ValueError(f"{path}: {ADVICE}")
        return content

    @model_validator(mode="after")
    def _names_differ(self) -> "ActConfig":
        names: set[str] = set()
        for place, rule in enumerate(self.channels):
            if rule.receiver in names:
                raise ValueError(
                    f"channels.{place}: there is a channel {rule.receiver!r} already;"
                    " give one of them another 'name'"
                )
            names.add(rule.receiver)
        called: set[str] = set()
        for place, route in enumerate(self.routes):
            if route.name in called:
                raise ValueError(f"routes.{place}.name: there is a route {route.name!r} already")
            called.add(route.name)
        return self

    @model_validator(mode="after")
    def _routes_lead_somewhere(self) -> "ActConfig":
        names = {rule.receiver for rule in self.channels}
        for place, route in enumerate(self.routes):
            for receiver in route.to:
                if receiver not in names:
                    raise ValueError(
                        f"routes.{place}.to: no channel named {receiver!r};"
                        f" there is {', '.join(sorted(names)) or 'none'}"
                    )
        return self
