"""An incident explained from what Redis keeps of it."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from aiops.action_log import ActionLog
from aiops.adapters.redis_action_log import RedisActionLog
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_history import RedisHistory
from aiops.adapters.redis_incidents import RedisIncidents
from aiops.events import Evidence
from aiops.history import HistoryStore
from aiops.incident_store import IncidentStore, Query, Record
from aiops.series import shard_of
from aiops.settings import read_config, read_section
from aiops.topology import EMPTY, Topology
from functions.correlate.atlas import Atlas
from functions.correlate.config import CorrelateConfig
from functions.correlate.incident import strength
from functions.correlate.snapshot import incident_of
from functions.correlate.topology_file import read_topology
from local.explain.account import explain
from local.explain.curves import AFTER_MS, BEFORE_MS, plain
from local.explain.model import Curve, Explanation, Material
from local.explain.page import page
from local.explain.text import lines_of
from local.incident_lookup import held_by
from local.places import keys_of

CURVES = 12
"""Series of an incident of which kept history is looked for, the strongest."""


def explain_incident(options: argparse.Namespace) -> int:
    """Print an incident's explanation, and write its page where one is wished; 1 for no incident.

    Raises:
        Misconfigured: an id stands for several, or a section of the configuration is wrong.
        Unavailable: Redis does not answer.
    """
    config = read_section(read_config(options.config), "correlate", CorrelateConfig)
    client = connect(options.redis_url)
    keys = keys_of(options)
    store = RedisIncidents(client, keys, options.domain)
    held = held_by(store, options.subject)
    if held is None:
        sys.stderr.write(f"aiops explain: no incident {options.subject}\n")
        return 1
    log, history = RedisActionLog(client, keys), RedisHistory(client, keys)
    told = explain(material(held.record, store, log, history, config))
    if options.html is not None:
        options.html.write_text(page(told), encoding="utf-8")
    print(json.dumps(to_json(told)) if options.json else "\n".join(lines_of(told)))
    return 0


def material(
    record: Record,
    store: IncidentStore,
    log: ActionLog,
    history: HistoryStore,
    config: CorrelateConfig,
) -> Material:
    """Return what is known of an incident: its record, topology, changes, steps and samples."""
    view = store.look(Query(now=0, dirty_before=0))
    default = read_topology(config.topology_file) if config.topology_file else EMPTY
    topology: Topology = Atlas(store, default).surveyed(view, record.last)
    return Material(
        incident=incident_of(record),
        evidence=record.evidence,
        topology=topology,
        changes=store.changes(record.opened_at - config.change_window * 1000, record.last),
        config=config,
        response=log.read(record.id),
        curves=_curves(record, history),
    )


def _curves(record: Record, history: HistoryStore) -> Mapping[str, Curve]:
    """Return the samples that are kept of its strongest series; few are, those to fit models to."""
    strongest: Sequence[Evidence] = sorted(record.evidence, key=strength, reverse=True)[:CURVES]
    places = [(shard_of(piece.peak.series), piece.peak.series) for piece in strongest]
    since, until = record.opened_at - 6 * BEFORE_MS, record.last + AFTER_MS + 1
    found = {}
    for piece, kept in zip(strongest, history.read(places, since, until), strict=True):
        curve = plain(kept, piece, record.opened_at, record.last)
        if curve is not None:
            found[piece.peak.series] = curve
    return found


def to_json(told: Explanation) -> dict[str, Any]:
    """Return an explanation in JSON's own types; what is not a number is null."""
    found: dict[str, Any] = _finite(asdict(told))
    return found


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    if isinstance(value, float) and value - value != 0:
        return None
    return value
