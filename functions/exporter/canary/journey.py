"""How far a canary came, and how long it took: detect, correlate, act. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from aiops import topics
from aiops.canary import service_of

ACT_GROUP = "aiops-act-incidents"
"""The consumer group in which `act` gets incidents."""

STAGES = ("detect", "correlate", "act")
WATCHED = (topics.ANOMALIES, topics.INCIDENTS)
Position = tuple[str, int]


class Record(Protocol):
    """A record on a topic."""

    @property
    def topic(self) -> str:
        """Where it lies."""

    @property
    def partition(self) -> int:
        """Where in there."""

    @property
    def offset(self) -> int:
        """And at which place."""

    @property
    def value(self) -> bytes:
        """What it holds."""


@dataclass(slots=True)
class Journey:
    """What was seen of a canary.

    Attributes:
        run: Which one.
        sent_at: Seconds of a clock that only rises.
        seconds: By stage, how long after it was sent it had passed it.
    """

    run: str
    sent_at: float
    seconds: dict[str, float] = field(default_factory=dict)
    _incident: tuple[Position, int] | None = None

    @property
    def done(self) -> bool:
        """Whether it came through."""
        return len(self.seconds) == len(STAGES)

    @property
    def missed(self) -> str:
        """The first stage it did not pass, empty where it came through."""
        return next((stage for stage in STAGES if stage not in self.seconds), "")

    @property
    def waits_for_act(self) -> bool:
        """Whether it is known where its incident lies, and `act` was not there yet."""
        return self._incident is not None and not self.done

    def see(self, record: Record, now: float) -> None:
        """Look at a record of a topic that is watched."""
        service = service_of(self.run)
        if service.encode() not in record.value:
            return
        found = json.loads(record.value)
        if record.topic == topics.ANOMALIES:
            if any(one.get("service") == service for one in found.get("anomalies", ())):
                self._passed("detect", now)
        elif service in found.get("services", ()) and self._incident is None:
            self._incident = (record.topic, record.partition), record.offset
            self._passed("correlate", now)

    def see_positions(self, groups: Mapping[str, Mapping[Position, int]], now: float) -> None:
        """Look at where groups are: what lies before their position is done."""
        if self._incident is None:
            return
        place, offset = self._incident
        if groups.get(ACT_GROUP, {}).get(place, 0) > offset:
            self._passed("act", now)

    def _passed(self, stage: str, now: float) -> None:
        self.seconds.setdefault(stage, now - self.sent_at)
