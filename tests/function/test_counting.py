"""What an answer adds to the totals, by the edge every function shares."""

import time
from collections import Counter

import pytest
from flask import Flask, request

from aiops.adapters.cloudevent import iso
from aiops.adapters.counting import Counting
from aiops.adapters.memory_series import MemorySeriesStore
from aiops.adapters.serve import Edge
from aiops.counters import ARRIVAL, BEYOND, EVENTS, INCIDENT, REQUEST, RESULTS, SUM, field_of
from aiops.errors import Unavailable
from aiops.events import AnomaliesDetected
from tests.function.test_bad_input import HEADERS, batch


class Totals:
    def __init__(self):
        self.fields, self.calls = Counter(), 0

    def add(self, who, number, fields):
        self.calls += 1
        self.fields.update(fields)

    def read(self):
        return self.fields


@pytest.fixture
def totals(monkeypatch):
    found = Totals()
    monkeypatch.setattr("aiops.adapters.serve.counting", lambda *_: Counting(lambda: found))
    return found


def of(totals, family, *labels, part=""):
    return totals.fields[field_of(family, labels, part)]


def observed(totals, family, *labels):
    bounds = (*map(str, family.buckets), BEYOND)
    return sum(of(totals, family, *labels, part=bound) for bound in bounds)


def test_an_answer_is_told_in_one_call_with_all_there_is_to_it(totals, serve_detect):
    serve_detect().post("/", data=batch(), headers=HEADERS)
    assert totals.calls == 1
    assert of(totals, EVENTS, "detect", "ok") == 1
    assert of(totals, RESULTS, "detect", "accepted") == 1
    assert observed(totals, REQUEST, "detect") == observed(totals, ARRIVAL, "detect") == 1


def test_an_event_that_comes_again_counts_again_and_its_parts_as_repeats(totals, serve_detect):
    detect = serve_detect()
    for _ in range(2):
        detect.post("/", data=batch(), headers=HEADERS)
    assert of(totals, EVENTS, "detect", "ok") == 2
    assert of(totals, RESULTS, "detect", "accepted") == 1


def test_what_is_refused_counts_as_such_and_was_not_handled(totals, serve_detect):
    assert serve_detect().post("/", data=b"rubbish", headers=HEADERS).status_code == 400
    assert of(totals, EVENTS, "detect", "rejected") == 1
    assert observed(totals, ARRIVAL, "detect") == 0


def test_while_redis_is_away_nothing_is_told_and_with_the_next_answer_everything(
    totals, serve_detect, monkeypatch
):
    def away(*_):
        raise Unavailable("Redis: ConnectionError")

    detect = serve_detect()
    with monkeypatch.context() as patched:
        patched.setattr(MemorySeriesStore, "load", away)
        assert detect.post("/", data=batch(), headers=HEADERS).status_code == 503
    assert totals.calls == 0
    detect.post("/", data=batch(), headers=HEADERS)
    assert of(totals, EVENTS, "detect", "unavailable") == 1
    assert of(totals, EVENTS, "detect", "ok") == 1


@pytest.mark.parametrize(
    ("kind", "published", "seen"),
    [(AnomaliesDetected.type, 1, 1), (AnomaliesDetected.type, 0, 0), ("some.other.type", 1, 0)],
)
def test_the_way_to_an_incident_is_measured_where_anomalies_made_one(
    totals, environment, kind, published, seen
):
    now = time.time_ns() // 1_000_000
    edge = Edge("correlate", lambda _: lambda _: Counter(published=published))
    headers = HEADERS | {"ce-type": kind, "ce-time": iso(now - 20_000)}
    with Flask("test").test_request_context("/", method="POST", data=b"{}", headers=headers):
        assert edge(request)[1] == 204
    assert observed(totals, INCIDENT) == seen
    if seen:
        within = [str(bound) for bound in INCIDENT.buckets if 20_000 <= bound <= 120_000]
        assert sum(of(totals, INCIDENT, part=bound) for bound in within) == 1
        assert 19_000 <= of(totals, INCIDENT, part=SUM) < 120_000
