"""How the demo says things: one line each, the same in every view. Pure."""

from datetime import UTC, datetime

from aiops.events import Anomaly, Incident, Suspect
from local.demo.picture import Picture
from local.evaluation import Fault
from local.receiving import Message


def clock(ms: int) -> str:
    """Return the time of day in the shop, UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%H:%M:%S")


def place(anomaly: Anomaly) -> str:
    """Return where an anomaly was seen: a service, or a call."""
    return " → ".join(anomaly.edge) if anomaly.edge else anomaly.service


def anomaly_line(anomaly: Anomaly) -> str:
    """Return an anomaly in a line: when, where, what, why."""
    return f"{clock(anomaly.time)} {place(anomaly)}: {anomaly.metric}: {anomaly.reason}"


def fault_line(fault: Fault) -> str:
    """Return what is going wrong."""
    size = "" if fault.magnitude is None else f", {fault.magnitude:.1f} robust deviations"
    return f"{fault.kind.replace('_', ' ')} of {fault.service}{size}, since {clock(fault.start)}"


def incident_line(incident: Incident) -> str:
    """Return an incident's title with its state."""
    return f"{incident.title} (severity {incident.severity}, {incident.status})"


def suspect_line(rank: int, suspect: Suspect) -> str:
    """Return a suspect with its reasons."""
    return f"{rank}. {suspect.service} ({suspect.score:.2f}): {'; '.join(suspect.reasons)}"


def blast_line(incident: Incident) -> str:
    """Return who may feel it."""
    return "may feel it: " + (", ".join(incident.blast_radius) or "nobody else")


def message_line(message: Message) -> str:
    """Return what a receiver was told, by its first lines."""
    lines = [line.replace("*", "") for line in message.lines[:3] if line]
    if not lines or message.kind not in lines[0]:
        lines.insert(0, message.kind)
    return " · ".join(lines)


def counters(picture: Picture) -> dict[str, int]:
    """Return the figures of the stages, in the order of the stages."""
    flow = picture.flow
    told = sum(1 for one in picture.incidents.values() if one.notified_at is not None)
    return {
        "samples": flow.samples,
        "anomalies": picture.anomalies,
        "incidents": len(picture.incidents),
        "notified": told,
        "messages": len(picture.sent),
        "retries": flow.retries,
        "dead letters": flow.dead_letters,
        "waiting": flow.backlog,
    }
