"""The buttons under a message: what each is called, what it carries, and what pressing it means.

Whoever draws them and whoever is told of a press agree here; what comes back is validated as if
anybody had written it.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aiops.errors import Rejected
from aiops.events import CommandGiven, FeedbackGiven, Id, Milliseconds, RunJudged, SeriesKey

MAX_VALUE = 2_000
"""Characters a button may carry.

Source: https://docs.slack.dev/reference/block-kit/block-elements/button-element
"""

PREFIX = "aiops."
"""Of every action id; others are somebody else's."""

MAX_SILENCE_MINUTES = 7 * 24 * 60


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Order(_Value):
    """Acknowledge or resolve an incident."""

    incident: Id
    command: Literal["acknowledge", "resolve"]


class Hush(_Value):
    """Silence an incident for some minutes from when it is pressed."""

    incident: Id
    minutes: int = Field(ge=1, le=MAX_SILENCE_MINUTES)


class Opinion(_Value):
    """Say what an anomaly was: real, or a false alarm."""

    anomaly: Id
    series: SeriesKey
    time: Milliseconds
    detector: str = Field(min_length=1, max_length=100)
    evidence: float = Field(ge=0)
    verdict: Literal["anomaly", "not_anomaly"]


class Consent(_Value):
    """Let a run of a runbook go on, or not."""

    incident: Id
    run: Id
    decision: Literal["approve", "reject"]


Button = Order | Hush | Opinion | Consent

_KINDS: dict[str, type[Order] | type[Hush] | type[Opinion] | type[Consent]] = {
    "aiops.acknowledge": Order,
    "aiops.resolve": Order,
    "aiops.silence": Hush,
    "aiops.real": Opinion,
    "aiops.false_alarm": Opinion,
    "aiops.approve": Consent,
    "aiops.reject": Consent,
}


def action_id(button: Button) -> str:
    """Return what the button is called."""
    if isinstance(button, Order):
        return PREFIX + button.command
    if isinstance(button, Hush):
        return PREFIX + "silence"
    if isinstance(button, Consent):
        return PREFIX + button.decision
    return PREFIX + ("real" if button.verdict == "anomaly" else "false_alarm")


def value(button: Button) -> str:
    """Return what the button carries, at most `MAX_VALUE` characters."""
    return button.model_dump_json()


def pressed(name: str, carried: str) -> Button | None:
    """Return the button of an action id and the value it carried; None for somebody else's.

    Raises:
        Rejected: it is called like one of ours, but is none; what it carried is not quoted.
    """
    kind = _KINDS.get(name)
    if kind is None:
        return None
    if len(carried) > MAX_VALUE:
        raise Rejected(f"{name}: more than {MAX_VALUE} characters")
    try:
        button = kind.model_validate_json(carried)
    except (ValidationError, UnicodeEncodeError):
        raise Rejected(f"{name}: it does not carry what it should") from None
    if action_id(button) != name:
        raise Rejected(f"{name}: it carries what another button should")
    return button


def meaning(button: Button, by: str, at: int) -> CommandGiven | FeedbackGiven | RunJudged:
    """Return what somebody wishes, or thinks, who presses a button at a time."""
    if isinstance(button, Order):
        return CommandGiven(
            incident=button.incident, command=button.command, given_by=by, given_at=at
        )
    if isinstance(button, Hush):
        return CommandGiven(
            incident=button.incident,
            command="silence",
            given_by=by,
            given_at=at,
            until=at + button.minutes * 60_000,
        )
    if isinstance(button, Consent):
        return RunJudged(
            run=button.run,
            incident=button.incident,
            decision=button.decision,
            given_by=by,
            given_at=at,
        )
    return FeedbackGiven(
        anomaly=button.anomaly,
        series=button.series,
        time=button.time,
        detector=button.detector,
        evidence=button.evidence,
        verdict=button.verdict,
        given_by=by,
        given_at=at,
    )
