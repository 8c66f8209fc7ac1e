"""What happened when. Pure."""

from collections.abc import Iterator

from aiops.action_log import Step
from aiops.events import Evidence
from local.explain.model import Material, Moment
from local.explain.words import line, name, number, of_all, place

MOST_MOMENTS = 60


def timeline(material: Material) -> tuple[Moment, ...]:
    """Return the moments of an incident, the first first; the last of too many are counted."""
    found = sorted(
        (*_changes(material), *_anomalies(material), *_life(material), *_steps(material)),
        key=lambda one: (one.time, _ORDER.index(one.kind)),
    )
    if len(found) <= MOST_MOMENTS:
        return tuple(found)
    spare = [one for one in found if one.kind == "anomaly"][MOST_MOMENTS // 2 :]
    dropped = set(map(id, spare[max(0, len(spare) - (len(found) - MOST_MOMENTS)) :]))
    kept = [one for one in found if id(one) not in dropped][:MOST_MOMENTS]
    words = f"{of_all(len(found) - len(kept), 'more moment')} not listed"
    return (*kept, Moment(kept[-1].time, "more", "", words))


_ORDER = (
    "change", "anomaly", "told", "sent", "acknowledged", "silence", "merged", "resolved", "more"
)  # fmt: skip


def _changes(material: Material) -> Iterator[Moment]:
    for change in material.changes:
        words = line(f"{change.kind}: {change.summary}" if change.summary else change.kind)
        yield Moment(change.observed_at, "change", name(change.service), words)


def _anomalies(material: Material) -> Iterator[Moment]:
    """Yield when each service showed something new, its strongest series named."""
    grouped: dict[tuple[int, str], list[Evidence]] = {}
    for piece in material.evidence:
        grouped.setdefault((piece.first, place(piece.peak)), []).append(piece)
    for (time, where), pieces in grouped.items():
        peak = max(pieces, key=lambda one: one.peak.score).peak
        words = line(f"{peak.metric}: {peak.reason}")
        yield Moment(time, "anomaly", where, words, len(pieces) - 1)


def _life(material: Material) -> Iterator[Moment]:
    incident = material.incident
    if incident.notified_at is not None:
        told = incident.root_cause_at_notification
        first = f", {name(told[0].service)} suspected first" if told else ", nobody suspected yet"
        yield Moment(incident.notified_at, "told", "", f"worth telling people{first}")
    for silence in incident.silences:
        why = f": {silence.reason}" if silence.reason else ""
        words = line(f"silenced by {silence.given_by}{why}")
        yield Moment(max(silence.starts, incident.opened_at), "silence", "", words)
    if incident.status == "merged":
        words = f"merged into {incident.merged_into}"
        yield Moment(incident.updated_at, "merged", "", line(words))
    if incident.resolved_at is not None:
        last = max((piece.last for piece in material.evidence), default=incident.opened_at)
        quiet = (incident.resolved_at - last) / 60_000
        by = f", {incident.resolved_by} said so" if incident.resolved_by else ""
        words = line(f"over, {number(quiet)} min after its last anomaly{by}")
        yield Moment(incident.resolved_at, "resolved", "", words)


def _steps(material: Material) -> Iterator[Moment]:
    """Yield what was sent; what several channels were told for one reason is one moment."""
    told: dict[tuple[str, str, int], list[Step]] = {}
    for step in material.response.steps if material.response else ():
        if step.state == "done":
            told.setdefault((step.kind, step.reason, step.version), []).append(step)
    for (kind, reason, _), steps in told.items():
        time = min(step.finished_at or step.planned_at for step in steps)
        channels = ", ".join(
            name(step.channel) + (" (its digest)" if step.digest else "") for step in steps
        )
        sort = "acknowledged" if kind == "acknowledged" else "sent"
        yield Moment(time, sort, channels, line(f"{kind.replace('_', ' ')}: {reason}"))
