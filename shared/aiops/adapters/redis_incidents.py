"""What `correlate` keeps of a domain, on Redis: one slot, one script for every change."""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
import redis

from aiops.adapters.keys import DOMAIN_LIFETIME, Keys
from aiops.adapters.packed_topology import (
    packed_calls,
    packed_seen,
    unpacked_calls,
    unpacked_seen,
)
from aiops.adapters.redis_client import script, translated
from aiops.cell import Cell, Site
from aiops.events import ChangeObserved
from aiops.evidence_json import json_of
from aiops.incident_store import (
    KEPT_CHANGES,
    KEPT_PAST,
    KEPT_TOPOLOGIES,
    LISTED,
    Commit,
    Committed,
    Held,
    Past,
    Placed,
    Query,
    Record,
    Survey,
    View,
)
from aiops.silences import Silence
from aiops.topology import EMPTY, Topology
from aiops.verdicts import MOST_CAUSES, CauseGiven, causes_in_order

_DIGITS = 15
"""Of a time in front of a verdict, by which the script tells which one is later."""

MARKS = ("revision", "watermark", "processed_until", "changed", "judged", "silenced", "remembered")

REMEMBERED = 1 << 14
"""Cells that need not be parsed again where they are read again."""


class RedisIncidents:
    """Keeps one domain's incidents.

    Args:
        client: The connection.
        keys: Names of keys.
        domain: Whose incidents.
        rate: How fast the pipeline's clock runs; lifetimes shrink with it.
    """

    def __init__(self, client: "redis.Redis", keys: Keys, domain: str, rate: float = 1.0) -> None:
        self._client: Any = client  # its replies are typed for all its modes, ours are bytes
        self._keys = keys.incidents(domain)
        (
            self._mark, _, self._in, self._cell, self._inc, self._redirect, _, self._open,
            self._wait, self._closed, self._dirty, self._due, self._told, self._topology,
            self._changes, self._survey, self._causes, self._silence, self._past, self._ended,
        ) = self._keys  # fmt: skip
        self._lifetime = max(1, int(DOMAIN_LIFETIME / rate))
        self._commit = client.register_script(script("commit_incidents"))
        self._publish = client.register_script(script("publish_incidents"))

    def look(self, query: Query) -> View:
        """Read the revision first: what is committed after it makes the next commit fail."""
        pipe = self._client.pipeline(transaction=False)
        pipe.hmget(self._mark, list(MARKS))
        pipe.zrangebyscore(self._wait, "-inf", query.now, 0, LISTED)
        pipe.zrangebyscore(self._due, "-inf", query.dirty_before, 0, LISTED)
        pipe.hkeys(self._topology)
        pipe.hkeys(self._survey)
        if query.anomalies:
            pipe.hmget(self._in, list(query.anomalies))
        with translated():
            marks, waiting, overdue, versions, surveys, *found = pipe.execute()
        placed = zip(query.anomalies, found[0] if found else (), strict=True)
        revision, watermark, processed_until, changed, judged, silenced, remembered = (
            int(mark or 0) for mark in marks
        )
        return View(
            revision,
            watermark,
            processed_until,
            changed,
            {anomaly: incident.decode() for anomaly, incident in placed if incident is not None},
            tuple(name.decode() for name in waiting),
            tuple(name.decode() for name in overdue),
            tuple(sorted(_version(field) for field in versions)),
            tuple(sorted(_survey(field) for field in surveys)),
            judged,
            silenced,
            remembered,
        )

    def cells(self, spans: Sequence[tuple[int, int]]) -> tuple[Placed, ...]:
        """Return the cells whose time lies in one of these spans, in one round trip."""
        if not spans:
            return ()
        pipe = self._client.pipeline(transaction=False)
        for first, last in spans:
            pipe.zrangebyscore(self._cell, first, last)
        with translated():
            return tuple(_placed(member) for found in pipe.execute() for member in found)

    def moved(self, incidents: Collection[str]) -> Mapping[str, str]:
        """Return where merged ones of these went, one round trip per merge on the way."""
        moves: dict[str, str] = {}
        asked: set[str] = set()
        names = sorted(set(incidents))
        while names:
            asked.update(names)
            with translated():
                found = self._client.hmget(self._redirect, names)
            new = {
                name: into.decode()
                for name, into in zip(names, found, strict=True)
                if into is not None
            }
            moves |= new
            names = sorted(set(new.values()) - asked)
        return moves

    def incidents(self, incidents: Collection[str]) -> Mapping[str, Held]:
        """Return those of these that are known."""
        names = list(incidents)
        if not names:
            return {}
        pipe = self._client.pipeline(transaction=False)
        pipe.hmget(self._inc, names)
        pipe.hmget(self._dirty, names)
        pipe.hmget(self._told, names)
        with translated():
            rows = zip(names, *pipe.execute(), strict=True)
        return {
            name: Held(Record.model_validate_json(text), dirty is not None, int(told or 0))
            for name, text, dirty, told in rows
            if text is not None
        }

    def quiet(self, before: int, limit: int) -> tuple[str, ...]:
        """Return open incidents active last before that time."""
        with translated():
            found = self._client.zrangebyscore(self._open, "-inf", f"({before}", 0, limit)
        return tuple(name.decode() for name in found)

    def ended(self, limit: int) -> tuple[str, ...]:
        """Return incidents that are over or merged."""
        with translated():
            found = self._client.zrevrange(self._closed, 0, limit - 1) if limit > 0 else ()
        return tuple(name.decode() for name in found)

    def changes(self, since: int, until: int) -> tuple[ChangeObserved, ...]:
        """Return the changes observed in that time."""
        with translated():
            found = self._client.zrangebyscore(self._changes, since, until)
        return tuple(ChangeObserved.model_validate_json(text) for text in found)

    def causes(self) -> tuple[CauseGiven, ...]:
        """Return the verdicts on causes."""
        with translated():
            found = self._client.hvals(self._causes)
        return causes_in_order(_cause(text) for text in found)

    def topology(self, version: str) -> Topology:
        """Return a topology, an empty one where it is gone."""
        with translated():
            fields = [f for f in self._client.hkeys(self._topology) if _version(f)[1] == version]
            text = self._client.hget(self._topology, fields[0]) if fields else None
        return EMPTY if text is None else unpacked_calls(text)

    def silences(self) -> tuple[Silence, ...]:
        """Return what is known of silences."""
        with translated():
            found = self._client.hgetall(self._silence)
        return tuple(Silence.model_validate_json(found[name]) for name in sorted(found))

    def past(self) -> tuple[Past, ...]:
        """Return the incidents of the past, in two round trips."""
        with translated():
            names = self._client.zrange(self._ended, 0, -1)
            found = self._client.hmget(self._past, names) if names else ()
        return tuple(Past.model_validate_json(text) for text in found if text is not None)

    def surveyed(self, topology: Topology, survey: Survey) -> Topology:
        """Return a topology with what a survey saw of its calls."""
        if survey.version != topology.version:
            return topology
        with translated():
            text = self._client.hget(self._survey, _survey_field(survey))
        return topology if text is None else topology.weighted(unpacked_seen(text, topology))

    def commit(self, commit: Commit) -> Committed | None:
        """Make the change, unless the revision has moved on."""
        horizon = commit.horizon
        arguments: list[int | bytes] = [
            commit.revision,
            commit.now,
            commit.watermark,
            commit.processed_until,
            self._lifetime,
            horizon.anomalies,
            horizon.cells,
            horizon.incidents,
            horizon.redirects,
            KEPT_TOPOLOGIES,
            KEPT_CHANGES,
            MOST_CAUSES,
            orjson.dumps(_payload(commit)),
            *map(json_of, commit.records),
        ]
        with translated():
            done = self._commit(keys=self._keys, args=arguments)
        if done is None:
            return None
        revision, *told = map(int, done)
        names = (record.id for record in commit.records)
        return Committed(revision, dict(zip(names, told, strict=True)))

    def published(self, records: Collection[Record]) -> None:
        """Note that these were published."""
        arguments: list[str | int] = [self._lifetime]
        for record in records:
            arguments += [record.id, record.version, record.generation]
        with translated():
            self._publish(keys=[self._dirty, self._due, self._told], args=arguments)


def _payload(commit: Commit) -> dict[str, list[list[str]]]:
    """Return what a commit writes besides the records' text as rows of strings."""
    topology = []
    if commit.topology is not None:
        since, observed = commit.topology
        topology.append([f"{since}:{observed.version}", packed_calls(observed)])
    survey = []
    if commit.survey is not None:
        made, observed = commit.survey
        survey.append([_survey_field(made), packed_seen(observed)])
    return {
        "seen": [[s.anomaly, str(s.time), s.incident] for s in commit.sightings],
        "cells": [[str(placed.cell.time), _member(placed)] for placed in commit.cells],
        "records": [_row(record) for record in commit.records],
        "topology": topology,
        "survey": survey,
        "changes": [[str(c.observed_at), c.model_dump_json()] for c in commit.changes],
        "causes": [[one.incident, _cause_text(one)] for one in commit.causes],
        "silence": [
            *([one.id, one.model_dump_json()] for one in commit.silences),
            *([name, ""] for name in commit.lapsed),
        ],
        "past": [
            *([name, "", ""] for name in commit.undone),
            *([p.incident, str(p.resolved_at), p.model_dump_json()] for p in commit.past),
        ],
        "kept": [[str(commit.horizon.past), str(KEPT_PAST)]],
    }


def _row(record: Record) -> list[str]:
    waits = record.live and record.notify_from is not None
    return [
        record.id,
        str(record.version),
        str(record.active_until + record.patience) if record.live else "",
        str(record.notify_from) if waits else "",
        "" if record.live else str(record.last),
        record.merged_into or "",
        str(record.last),
    ]


def _member(placed: Placed) -> str:
    """Return a cell and its incident as text, the same for the same two."""
    site = placed.cell.site
    row = [
        placed.cell.time,
        placed.incident,
        site.service,
        site.role,
        site.labels,
        site.edge,
        site.template,
        site.text,
    ]
    return orjson.dumps(row).decode()


@lru_cache(maxsize=REMEMBERED)
def _placed(member: bytes) -> Placed:
    time, incident, service, role, labels, edge, template, text = orjson.loads(member)
    site = Site(
        service,
        role,
        tuple((name, value) for name, value in labels),
        None if edge is None else (edge[0], edge[1]),
        template,
        text,
    )
    return Placed(Cell(site, time), incident)


def _version(field: bytes) -> tuple[int, str]:
    since, _, version = field.decode().partition(":")
    return int(since), version


def _cause_text(one: CauseGiven) -> str:
    return f"{one.given_at:0{_DIGITS}d}{orjson.dumps(one._asdict()).decode()}"


def _cause(text: bytes) -> CauseGiven:
    given = CauseGiven(**orjson.loads(text[_DIGITS:]))
    return given._replace(suspects=tuple(given.suspects))


def _survey_field(survey: Survey) -> str:
    return f"{survey.since}:{survey.version}:{survey.observed_at}"


def _survey(field: bytes) -> Survey:
    since, version, observed_at = field.decode().split(":")
    return Survey(int(since), version, int(observed_at))
