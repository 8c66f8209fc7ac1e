"""Who is told what, and how long an unanswering receiver is tried."""

from pydantic import BaseModel, ConfigDict, Field, model_validator

from aiops.action_log import Kind
from aiops.events import Severity

ALL_KINDS: tuple[Kind, ...] = (
    "opened", "reopened", "flapping", "severity_raised", "cause_changed", "acknowledged",
    "resolved", "merged", "run_proposed", "run_finished", "run_failed",
)  # fmt: skip


class ChannelRule(BaseModel):
    """What one channel is told.

    Attributes:
        channel: Name of a module in `functions/act/channels`.
        min_severity: Below this severity nothing is opened there.
        raised_at: Severities at which it is told again once they are reached.
        tell: Kinds of messages it gets.
        tell_of_ended: Whether it hears of an incident that was over before it could be told of.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    channel: str = Field(min_length=1)
    min_severity: Severity = 1
    raised_at: tuple[Severity, ...] = (2, 3, 4, 5)
    tell: tuple[Kind, ...] = ALL_KINDS
    tell_of_ended: bool = True


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


class ActConfig(BaseModel):
    """The section `act` of the configuration.

    Attributes:
        channels: Served in this order; what wakes people stands first.
        max_cause_changes: How often in a generation a channel is told of another root cause.
        give_up_after: Seconds after which a message that cannot be delivered counts as failed.
        merge_wait: Seconds for which a merged incident's alarm waits to be resolved until that of
            the incident that took it over was raised.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    channels: tuple[ChannelRule, ...] = DEFAULT_RULES
    max_cause_changes: int = Field(default=3, ge=0)
    give_up_after: float = Field(default=86_400.0, gt=0)
    merge_wait: float = Field(default=120.0, ge=0)

    @model_validator(mode="after")
    def _channels_differ(self) -> "ActConfig":
        names = [rule.channel for rule in self.channels]
        if len(set(names)) != len(names):
            raise ValueError("channels: each channel may stand there once")
        return self
