"""Links beside a message: to the incident, and to the graphs and the runbook of its likely cause.

Addresses begin with what the settings say; what an incident says only ever ends them, escaped.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote

from aiops.events import Incident
from functions.act import wording
from functions.act.channel import address

SETTINGS: Mapping[str, str] = {"INCIDENT_URL": "", "GRAPH_URL": "", "RUNBOOK_URL": ""}
"""What a channel with links takes: the first is put before the incident's id, the others before the
service that is the likeliest cause. An empty one makes no link."""


@dataclass(frozen=True, slots=True)
class Link:
    """One link."""

    text: str
    href: str


@dataclass(frozen=True, slots=True)
class Links:
    """What links begin with."""

    incident: str
    graph: str
    runbook: str

    @classmethod
    def parse(cls, values: Mapping[str, str]) -> Self:
        """Read the `SETTINGS`.

        Raises:
            Misconfigured: one is no address.
        """
        found = (values[name] and address(values, name, plain=True) for name in SETTINGS)
        return cls(*found)

    def about(self, incident: Incident) -> tuple[Link, ...]:
        """Return the links of an incident."""
        suspects = (one.service for one in incident.root_cause)
        service = wording.cut(next(iter((*suspects, *incident.services)), ""), wording.MAX_NAME)
        parts = (
            ("Open the incident", self.incident, incident.id),
            ("Graphs", self.graph, service),
            ("Runbook", self.runbook, service),
        )
        return tuple(
            Link(text, f"{begin}{quote(end, safe='')}")
            for text, begin, end in parts
            if begin and end
        )
