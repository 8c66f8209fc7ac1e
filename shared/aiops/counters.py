"""What functions count about themselves: families, their labels, and how a number is filed.

Instances come and go, and what they hold goes with them; so each answer's numbers are added to
totals that outlive it. A family's labels take values from code and configuration only, never from
telemetry.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Numbers of one kind.

    Attributes:
        name: As Prometheus knows it, without `_total`.
        labels: Their names, in order.
        told: What it says, in a sentence.
        buckets: Upper bounds of a histogram in milliseconds, rising; none makes it a counter.
        known: By label, the values that are shown with zero from the beginning: of a total that
            appears with its first event Prometheus would never see that one.
    """

    name: str
    labels: tuple[str, ...]
    told: str
    buckets: tuple[int, ...] = ()
    known: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


_WORK = (5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 20_000)
_WAY = (100, 250, 500, 1_000, 2_500, 5_000, 10_000, 20_000, 30_000, 45_000, 60_000, 120_000,
        300_000, 900_000)  # fmt: skip

FUNCTIONS = ("act", "collect", "correlate", "detect", "gateway", "train")
OUTCOMES = ("ok", "rejected", "limited", "unavailable", "bug")
ENDS = ("sent", "sent_again", "deferred", "failed")

EVENTS = Family(
    "aiops_events", ("function", "outcome"), "Answers given, by how they ended.",
    known={"function": FUNCTIONS, "outcome": OUTCOMES},
)  # fmt: skip
RESULTS = Family("aiops_results", ("function", "result"), "What became of the parts of events.")
STEPS = Family(
    "aiops_steps", ("channel", "outcome"), "Calls to receivers, by how they ended.",
    known={"outcome": ENDS},
)  # fmt: skip
REQUEST = Family("aiops_request_seconds", ("function",), "Time from request to answer.", _WORK)
ARRIVAL = Family(
    "aiops_arrival_to_handled_seconds", ("function",),
    "Time from an event's own time, for records their arrival on Kafka, until it is handled.",
    _WAY,
)  # fmt: skip
INCIDENT = Family(
    "aiops_arrival_to_incident_seconds", (),
    "Time from the arrival on Kafka of what decided until the incident is published.",
    _WAY,
)  # fmt: skip
CANARIES = Family(
    "aiops_canaries", ("outcome",), "Canaries sent through the whole chain, by how they ended.",
    known={"outcome": ("arrived", "lost")},
)  # fmt: skip
OVERFLOW = Family("aiops_counters_overflow", (), "Additions that found no room among the totals.")

FAMILIES = (EVENTS, RESULTS, STEPS, REQUEST, ARRIVAL, INCIDENT, CANARIES, OVERFLOW)

MOST_FIELDS = 2_000
"""Totals kept at most; what is new beyond them is counted as overflow."""

SUM = "sum"
BEYOND = "+Inf"


class CounterStore(Protocol):
    """Totals that outlive who counts."""

    def add(self, who: str, number: int, fields: Mapping[str, int]) -> None:
        """Add numbers, all or none; the same batch again changes nothing.

        Args:
            who: A text nobody else has.
            number: Of the batch, rising by one with each of `who`.
            fields: What `field_of` returns, and how much is added.

        Raises:
            Unavailable: they may or may not have been added.
        """

    def read(self) -> Mapping[str, int]:
        """Return all totals by field, as of one moment.

        Raises:
            Unavailable: they cannot be read.
        """


@cache
def field_of(family: Family, labels: tuple[str, ...], part: str = "") -> str:
    """Return the name a number is filed under; JSON, so that no label can look like another."""
    return json.dumps([family.name, list(labels), part], separators=(",", ":"))


def read_field(name: str) -> tuple[str, tuple[str, ...], str]:
    """Return the family's name, the labels and the part of a field."""
    family, labels, part = json.loads(name)
    return family, tuple(labels), part


def observe(fields: Counter[str], family: Family, labels: tuple[str, ...], ms: float) -> None:
    """Add one observation to a histogram; what is below zero counts as zero."""
    value = max(0, round(ms))
    bound = next((str(one) for one in family.buckets if value <= one), BEYOND)
    fields[field_of(family, labels, bound)] += 1
    fields[field_of(family, labels, SUM)] += value
