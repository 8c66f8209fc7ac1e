"""In words: who judges a series and why, what it has learned, and where its line stands. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from aiops.detection import StateArray
from aiops.selector import Selector
from aiops.series import Series
from aiops.training import ModelStatus
from aiops.verdicts import Given
from functions.detect.config import CANARY, COUNTS, DetectConfig
from functions.detect.judge import Judge
from functions.detect.lines import (
    FITTED,
    HIGHEST,
    LOWEST,
    MARGIN,
    NEAR,
    Lines,
    Share,
    line_of,
    lines_of,
)


def account(  # noqa: PLR0913, PLR0917 - all there is to know of a series
    config: DetectConfig,
    series: Series,
    header: StateArray | None,
    given: Sequence[Given],
    status: ModelStatus | None,
    now: int,
) -> list[str]:
    """Return what there is to say of a series, a line each.

    Args:
        config: Has the rule that judges it.
        series: The series.
        header: Of its record, shape (1,); None where there is none.
        given: The verdicts on it.
        status: How its last fit ended, None where there was none.
        now: Unix milliseconds.
    """
    place = config.rule_named(series)
    judge = Judge.of(config.rule(place))
    labels = ", ".join(f'{name}="{value}"' for name, value in series.labels)
    told = [f"series: {series.metric}{{{labels}}}, of {series.service}, key {series.key}"]
    told.append(_rule(config, place, judge))
    told.append(f"learning: {_learning(judge, header, now)}")
    if judge.rule.modelled:
        told += _model(header, status, now)
    return told + _line(judge, header, lines_of(given), now)


def _rule(config: DetectConfig, place: int, judge: Judge) -> str:
    if place == len(config.rules):
        why = "no rule matches it, so the default does"
    elif config.rule(place) == CANARY:
        why = "it is the canary's"
    elif config.rule(place) == COUNTS:
        why = "no rule matches it, and it counts failures in logs, spans or Events"
    else:
        why = f"rule {place + 1} is the first that matches it ({_matches(judge.rule.match)})"
    return f"detector: {judge.rule.detector}; {why}"


def _matches(selector: Selector) -> str:
    parts = [f"metric {selector.metric}"]
    return ", ".join(parts + [f"{name} {text}" for name, text in selector.labels.items()])


def learning(config: DetectConfig, series: Series, header: StateArray | None, now: int) -> str:
    """Return how far a series is learned, and from when on it alarms; see `account`."""
    return _learning(Judge.of(config.rule(config.rule_named(series))), header, now)


def _learning(judge: Judge, header: StateArray | None, now: int) -> str:
    if header is None or header["since"][0] == 0:
        return "no sample was accepted yet"
    since, count = int(header["since"][0]), int(header["count"][0])
    why = ", anew because everything was said to be new" if since < 0 else ""
    told = f"{count} samples since {_moment(abs(since))}{why}"
    if count < judge.min_history:
        return f"{told}; alarms after {judge.min_history}"
    until = abs(since) + int(judge.rule.learn_for * 1000)
    if now < until:
        return f"{told}; alarms from {_moment(until)} on"
    return f"{told}; alarms"


def _model(header: StateArray | None, status: ModelStatus | None, now: int) -> list[str]:
    version = 0 if header is None else int(header["model"][0])
    if version > 0:
        until = status.until if status is not None and status.made_at == version else 0
        told = f"model: made {_moment(version)}"
        if until:
            told += f", {'expired' if now >= until else 'valid until'} {_moment(until)}"
    elif version < 0:
        told = f"model: given up {_moment(-version)}, the baseline scores"
    else:
        told = "model: none yet, the baseline scores"
    if header is not None and header["asked"][0]:
        told += f"; asked for {_moment(int(header['asked'][0]))}"
    if status is None:
        return [told]
    return [told, f"last fit: {status.detector}, {status.state}: {status.reason}"]


def _line(judge: Judge, header: StateArray | None, lines: Lines, now: int) -> list[str]:
    told = [f"alarm line: {judge.alarm_line:.4g} of {judge.name}, before any verdict"]
    told += [_share(share) for share in lines.shares]
    if lines.hours:
        told.append(f"  from {_hours(lines.hours)} at least {lines.hourly:.4g}, as expected then")
    if header is None:
        return told
    for name, modelled in ((judge.name, False), ("a model", True))[: 1 + judge.rule.modelled]:
        where = np.array([modelled])
        line = float(line_of(judge.alarm_line, header, np.array([now]), where)[0])
        base = 1.0 if modelled else judge.alarm_line
        bound = " (no further)" if line / base in {LOWEST, HIGHEST} else ""
        told.append(
            f"alarm line now, of {name}: {line:.4g} = {base:.4g} x {line / base:.4g}{bound}"
        )
    return told


def _share(share: Share) -> str:
    given = share.given
    who = "a model" if given.detector in FITTED else given.detector
    told = f"  {_moment(given.given_at)} {given.given_by or 'somebody'}: {given.verdict}"
    told += f" at evidence {given.evidence:.4g} of {who}"
    if share.before == share.after:
        return f"{told}: as it was"
    if given.verdict == "not_anomaly":
        return f"{told}: at least {given.evidence * MARGIN:.4g}"
    return f"{told}: at most {given.evidence / NEAR:.4g}"


def _hours(mask: int) -> str:
    return ", ".join(f"{hour}:00 to {hour + 1}:00 UTC" for hour in range(24) if mask >> hour & 1)


def _moment(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M}"
