"""What was looked at, how it is, and what to do about it."""

from dataclasses import dataclass
from typing import Literal

State = Literal["good", "warning", "bad", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: What.
        state: `bad`: events wait or are lost; `warning`: they may soon; `skipped`: nobody knows.
        told: What was found.
        advice: What to do; empty where it is good.
    """

    check: str
    state: State
    told: str
    advice: str = ""


def good(check: str, told: str) -> Finding:
    """Return that something is as it has to be."""
    return Finding(check, "good", told)


def skipped(check: str, why: str) -> Finding:
    """Return that something could not be looked at."""
    return Finding(check, "skipped", why)
