"""Pages for incidents of recordings, whose samples are at hand."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from aiops.action_log import ActionRecord
from aiops.call_table import charted
from aiops.events import Call, Incident
from aiops.series import SeriesMap
from aiops.settings import read_section
from functions.correlate.config import CorrelateConfig
from functions.detect.config import DetectConfig
from local.explain.account import explain
from local.explain.curves import Banded, around, banded, heard
from local.explain.model import Curve, Explanation, Material
from local.explain.page import contents, page
from local.recording import Recording

CURVES = 12
"""Series of an incident whose samples are looked for, the strongest."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of recorded incidents besides the recordings.

    Attributes:
        incidents: Latest snapshots.
        config: Sections of the configuration they were found with.
        calls: Who calls whom; where empty, what the last recording says.
        responses: What was planned and sent, by incident.
    """

    incidents: Sequence[Incident]
    config: Mapping[str, Any] = field(default_factory=dict)
    calls: Sequence[Call] = ()
    responses: Mapping[str, ActionRecord] = field(default_factory=dict)


def worth_a_page(incidents: Iterable[Incident], since: int = 0) -> list[Incident]:
    """Return the incidents people were told of, opened since then, the first first."""
    found = [
        one
        for one in incidents
        if one.notified_at is not None and one.status != "merged" and one.opened_at >= since
    ]
    return sorted(found, key=lambda one: (one.opened_at, one.id))


def explained(recordings: Sequence[Recording], told: Told) -> list[Explanation]:
    """Return the explanations of the incidents, with their curves."""
    correlate = read_section(told.config, "correlate", CorrelateConfig)
    topology = charted(told.calls or recordings[-1].calls)
    curves = _curves_of(recordings, told)
    changes = sorted(
        (change for one in recordings for change in one.changes), key=lambda one: one.observed_at
    )
    found = []
    for incident in told.incidents:
        last = max((piece.last for piece in incident.evidence), default=incident.opened_at)
        oldest = incident.opened_at - correlate.change_window * 1000
        material = Material(
            incident=incident,
            evidence=incident.evidence,
            topology=topology,
            changes=tuple(one for one in changes if oldest <= one.observed_at <= last),
            config=correlate,
            response=told.responses.get(incident.id),
            curves=curves(incident),
        )
        found.append(explain(material))
    return found


def write_pages(told: Sequence[Explanation], folder: Path) -> list[Path]:
    """Write a page for each, and `index.html`, which lists them; return the pages."""
    folder.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    entries = []
    for one in told:
        file = folder / f"{_name(one)}.html"
        file.write_text(page(one), encoding="utf-8")
        files.append(file)
        entries.append({"file": file.name, "head": one.headline, "summary": one.summary})
    (folder / "index.html").write_text(contents(entries), encoding="utf-8")
    return files


def _name(told: Explanation) -> str:
    """Return a file's name: when it opened, who is suspected, and its id so that none are alike."""
    head = told.headline
    when = np.datetime64(head.opened_at, "ms").astype("datetime64[s]").item()
    who = told.suspects[0].service if told.suspects else "nobody"
    slug = re.sub(r"[^A-Za-z0-9]+", "-", who).strip("-")[:40] or "service"
    return f"{when:%Y%m%d-%H%M}-{slug}-{re.sub(r'[^0-9a-f]', '', head.id)[:8]}"


def _curves_of(
    recordings: Sequence[Recording], told: Told
) -> Callable[[Incident], dict[str, Curve]]:
    wanted = {piece.peak.series for one in told.incidents for piece in one.evidence[:CURVES]}
    known = _banded(recordings, told.config, wanted)

    def curves(incident: Incident) -> dict[str, Curve]:
        last = max((piece.last for piece in incident.evidence), default=incident.opened_at)
        found = {}
        for piece in incident.evidence[:CURVES]:
            series = known.get(piece.peak.series)
            curve = series and around(series, piece, incident.opened_at, last)
            if curve:
                found[piece.peak.series] = curve
        return found

    return curves


def _banded(
    recordings: Sequence[Recording], config: Mapping[str, Any], wanted: Iterable[str]
) -> dict[str, Banded]:
    """Return series as their detectors see them, over all recordings."""
    names = read_section(config, "series", SeriesMap)
    return banded(heard(recordings, wanted, names), read_section(config, "detect", DetectConfig))
