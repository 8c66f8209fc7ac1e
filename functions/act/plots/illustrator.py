"""Who draws: the port channels ask, and the one behind it that reads kept history."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from aiops.errors import Unavailable
from aiops.events import Incident
from aiops.series import shard_of
from functions.act.plots.subject import subject

if TYPE_CHECKING:
    from aiops.history import HistoryStore

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Picture:
    """A plot.

    Attributes:
        png: Its bytes.
        name: Of its file.
        title: What it shows, in words.
    """

    png: bytes = field(repr=False)
    name: str
    title: str


class Illustrator(Protocol):
    """Draws incidents."""

    def picture(self, incident: Incident) -> Picture | None:
        """Return a plot of what was anomalous; None where there is nothing to draw, or no way.

        Never raises: a message without its plot is better than none.
        """


@runtime_checkable
class Illustrated(Protocol):
    """A channel whose messages may have a plot."""

    def illustrate(self, illustrator: Illustrator) -> None:
        """Take who draws."""


@dataclass(frozen=True, slots=True)
class HistoryIllustrator:
    """Draws the samples that are kept of a series; where there are none, what the snapshot tells.

    Attributes:
        history: Returns the store; called when something is drawn first, as it loads NumPy.
    """

    history: "Callable[[], HistoryStore]"

    def picture(self, incident: Incident) -> Picture | None:
        """Return a plot of the strongest series, or of when which series was anomalous."""
        shown = subject(incident)
        if shown is None:
            return None
        try:
            png = self._drawn(incident)
        except Exception:  # noqa: BLE001 - whatever it is, the message goes out; it is logged
            _LOG.exception("no plot of incident %s", incident.id)
            return None
        title = f"{shown.peak.service} · {shown.peak.metric}"
        return Picture(png, f"incident-{incident.id[:8]}.png", title)

    def _drawn(self, incident: Incident) -> bytes:
        from functions.act.plots.curve import curve_of, rows_of, wanted
        from functions.act.plots.figure import of_incident, of_series

        shown = subject(incident)
        if shown is not None:
            place = (shard_of(shown.peak.series), shown.peak.series)
            try:
                (kept,) = self.history().read([place], *wanted(shown))
            except Unavailable as away:
                _LOG.warning("no history for the plot of incident %s: %s", incident.id, away)
            else:
                curve = curve_of(shown, kept)
                if curve is not None:
                    return of_series(curve)
        return of_incident(incident.title, rows_of(incident))
