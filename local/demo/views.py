"""What a person sees while it runs: a live picture, plain lines where there is no terminal."""

import sys
import time
from dataclasses import dataclass, field
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from aiops.events import Incident
from local.demo import words
from local.demo.picture import Picture

_SEVERITY_STYLES = {1: "cyan", 2: "cyan", 3: "yellow", 4: "red", 5: "bold red"}
_ANOMALIES_SHOWN = 6
_SENT_SHOWN = 3
_REASONS_SHOWN = 3


class View(Protocol):
    """Shows the picture from time to time, inside a `with` block."""

    def __enter__(self) -> Self:
        """Begin to show."""

    def __exit__(self, *_: object) -> None:
        """Stop showing."""

    def show(self, picture: Picture) -> None:
        """Show what is known now."""


class SilentView:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, picture: Picture) -> None:
        """Do nothing."""


@dataclass(slots=True)
class PlainView(SilentView):
    """Prints a line for everything new."""

    _phase: str = ""
    _anomalies: set[str] = field(default_factory=set)
    _told: set[str] = field(default_factory=set)
    _sent: int = 0
    _fault: str = ""

    def show(self, picture: Picture) -> None:
        """Print what was not printed yet."""
        with picture.lock:
            for line in self._new_lines(picture):
                sys.stdout.write(line + "\n")
        sys.stdout.flush()

    def _new_lines(self, picture: Picture) -> list[str]:
        lines = []
        if picture.phase != self._phase:
            self._phase = picture.phase
            lines.append(f"-- {picture.phase}")
        fault = words.fault_line(picture.fault) if picture.fault else ""
        if fault != self._fault:
            self._fault = fault
            lines += [f"fault      {fault}"] if fault else []
        for anomaly in picture.recent:
            if anomaly.id not in self._anomalies:
                self._anomalies.add(anomaly.id)
                lines.append(f"anomaly    {words.anomaly_line(anomaly)}")
        for incident in picture.notified:
            if incident.id not in self._told:
                self._told.add(incident.id)
                lines += _incident_lines(incident)
        lines += [
            f"{one.channel:<10} {words.message_line(one)}" for one in picture.sent[self._sent :]
        ]
        self._sent = len(picture.sent)
        return lines


def _incident_lines(incident: Incident) -> list[str]:
    suspects = incident.root_cause_at_notification
    return [
        f"incident   {words.incident_line(incident)}",
        *(f"           {words.suspect_line(i, one)}" for i, one in enumerate(suspects, 1)),
        f"           {words.blast_line(incident)}",
    ]


class LiveView:
    """Draws the picture in place."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=4, transient=False)
        self._drawn = 0.0

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, picture: Picture) -> None:
        """Draw it, a few times a second at most."""
        if time.monotonic() - self._drawn >= 0.25:
            self._drawn = time.monotonic()
            with picture.lock:
                self._live.update(draw(picture))


def draw(picture: Picture) -> Group:
    """Return the picture as panels: progress, anomalies, the latest incident, what was sent."""
    parts = [_progress(picture), _anomalies(picture)]
    notified = picture.notified
    if notified:
        parts.append(_incident(notified[0]))
    parts.append(_sent(picture))
    return Group(*parts)


def _progress(picture: Picture) -> Panel:
    figures = Text("  ").join(
        Text(f"{name} ", style="dim") + Text(f"{figure:,}", style="bold")
        for name, figure in words.counters(picture).items()
    )
    wrong = Text("nothing is going wrong", style="dim")
    if picture.fault is not None:
        wrong = Text(f"going wrong: {words.fault_line(picture.fault)}", style="magenta")
    bar = Table.grid(expand=True, padding=(0, 1))
    bar.add_column(no_wrap=True)
    bar.add_column(ratio=1)
    bar.add_row(picture.phase, ProgressBar(total=1.0, completed=picture.flow.share))
    time_of_day = words.clock(picture.now) if picture.now else "--:--:--"
    title = f"aiops demo · {time_of_day} in the shop, {picture.rate:g} times as fast"
    content = Group(bar, figures, wrong)
    return Panel(content, title=title, subtitle=picture.servers, title_align="left")


def _anomalies(picture: Picture) -> Panel:
    latest = list(picture.recent)[-_ANOMALIES_SHOWN:]
    rows = _lines(len(latest), _ANOMALIES_SHOWN)
    for anomaly in latest:
        line = Text(f"{words.clock(anomaly.time)} ", style="dim")
        line += Text(f"{words.place(anomaly)} ", style="bold")
        line += Text(f"{anomaly.metric}: ", style="cyan")
        rows.append(line + Text(anomaly.reason, style="default"))
    return _panel("anomalies", rows)


def _incident(incident: Incident) -> Panel:
    suspects = incident.root_cause or incident.root_cause_at_notification
    lines = [Text(words.incident_line(incident), style="bold")]
    for rank, suspect in enumerate(suspects, 1):
        sure = "" if suspect.confidence is None else f", {suspect.confidence:.0%} sure"
        head = Text(f"{rank}. {suspect.service} ({suspect.score:.2f}{sure}) ", style="bold")
        shown = suspect.reasons[: _REASONS_SHOWN if rank == 1 else 1]
        lines.append(head + Text(shown[0] if shown else "", style="default"))
        lines += [Text(f"   {reason}") for reason in shown[1:]]
    lines.append(Text(words.blast_line(incident), style="dim"))
    style = _SEVERITY_STYLES[incident.severity]
    return _panel(f"incident, opened {words.clock(incident.opened_at)}", lines, style)


def _sent(picture: Picture) -> Panel:
    latest = picture.sent[-_SENT_SHOWN:]
    rows = _lines(len(latest), _SENT_SHOWN)
    for one in latest:
        rows.append(Text(f"{one.channel} ", style="green") + Text(words.message_line(one)))
    return _panel("sent", rows)


def _lines(have: int, want: int) -> list[Text]:
    """Return as many empty lines as are missing, so that panels stay where they are."""
    return [Text("")] * (want - have)


def _panel(title: str, lines: list[Text], style: str = "none") -> Panel:
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return Panel(Group(*lines), title=title, title_align="left", border_style=style)
