"""The page of metrics: what was counted and what waits, read by what Prometheus' client reads."""

import shutil
import subprocess
from collections import Counter

import pytest
from prometheus_client.parser import text_string_to_metric_families

from aiops import counters, topics
from aiops.backlog import Backlog
from aiops.clock import SystemClock
from aiops.errors import Unavailable
from functions.exporter.families import GAUGES
from functions.exporter.page import Page
from local.func_file import load_functions
from local.functions import ROOT

BACKLOG = Backlog(3, 4, 5, 6, 700, 1000)


class Counters:
    def __init__(self, found):
        self.found = found

    def add(self, who, number, fields):
        raise AssertionError

    def read(self):
        return self.found


class Backlogs:
    def read(self, now):
        return BACKLOG


class Offsets:
    def groups(self):
        return {
            "aiops-detect-metrics": {("metrics", 0): 90},
            "somebody-else": {("orders", 0): 1},
        }

    def bounds(self, asked):
        assert set(asked) == set(topics.ALL)
        return {
            ("metrics", 0): (50, 100),
            ("metrics", 1): (20, 27),
            ("anomalies", 0): (0, 9),
            (topics.DEAD_LETTERS, 0): (5, 8),
        }


class Away:
    def read(self, *_):
        raise Unavailable("Redis: ConnectionError")

    def groups(self):
        raise Unavailable("Kafka: NoBrokersAvailable")


def page(fields=None, store=None, backlog=None, offsets=None):
    parts = (store or Counters(fields or {}), backlog or Backlogs(), offsets or Offsets())
    return Page(*parts, SystemClock()).text().decode()


def samples(text):
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def test_totals_and_what_waits_are_on_the_page():
    found = samples(page({counters.field_of(counters.EVENTS, ("detect", "ok")): 7}))
    assert found["aiops_events_total", (("function", "detect"), ("outcome", "ok"))] == 7
    assert found["aiops_unpublished_anomalies", ()] == 3
    assert found["aiops_due_steps", ()] == 4
    assert found["aiops_open_incidents", ()] == 5
    assert found["aiops_unpublished_incidents", ()] == 6
    assert found["aiops_redis_memory_used_bytes", ()] == 700
    assert found["aiops_redis_memory_limit_bytes", ()] == 1000


def test_a_group_is_behind_by_what_it_has_not_handled_also_where_it_has_not_begun():
    found = samples(page())
    lag = {labels: value for (name, labels), value in found.items() if name == "aiops_kafka_lag"}
    assert lag == {(("group", "aiops-detect-metrics"), ("topic", "metrics")): 10 + 7}
    assert found["aiops_dead_letters", ()] == 3


def test_a_histogram_rises_and_its_sum_is_in_seconds():
    fields = Counter()
    for ms in (1, 5, 6, 44_000, 10_000_000):
        counters.observe(fields, counters.INCIDENT, (), ms)
    found = samples(page(fields))
    name = "aiops_arrival_to_incident_seconds"
    assert found[f"{name}_bucket", (("le", "0.1"),)] == 3
    assert found[f"{name}_bucket", (("le", "45"),)] == 4
    assert found[f"{name}_bucket", (("le", "+Inf"),)] == found[f"{name}_count", ()] == 5
    assert found[f"{name}_sum", ()] == pytest.approx(10_044.012)


def test_observations_under_bounds_of_another_version_stay_counted():
    old = counters.field_of(counters.REQUEST, ("act",), "7")
    found = samples(page({old: 2, counters.field_of(counters.REQUEST, ("act",), "sum"): 12}))
    name = "aiops_request_seconds_bucket"
    assert found[name, (("function", "act"), ("le", "0.005"))] == 0
    assert found[name, (("function", "act"), ("le", "0.01"))] == 2


@pytest.mark.parametrize(("parts", "up"), [
    ({"store": Away()}, {"redis": 0, "kafka": 1}),
    ({"backlog": Away()}, {"redis": 0, "kafka": 1}),
    ({"offsets": Away()}, {"redis": 1, "kafka": 0}),
    ({}, {"redis": 1, "kafka": 1}),
])  # fmt: skip
def test_a_server_that_is_away_is_told_and_takes_only_its_own_along(parts, up):
    found = samples(page(**parts))
    told = {dict(labels)["server"]: v for (name, labels), v in found.items() if name == "aiops_up"}
    assert told == up
    assert (("aiops_dead_letters", ()) in found) == bool(up["kafka"])


def test_what_can_come_is_there_with_zero_so_that_the_first_of_it_is_seen():
    failed = counters.field_of(counters.STEPS, ("slack", "sent"))
    found = samples(page({failed: 2}))
    assert found["aiops_steps_total", (("channel", "slack"), ("outcome", "sent"))] == 2
    assert found["aiops_steps_total", (("channel", "slack"), ("outcome", "failed"))] == 0
    assert found["aiops_events_total", (("function", "train"), ("outcome", "bug"))] == 0
    assert found["aiops_arrival_to_incident_seconds_count", ()] == 0
    folders = {one.name for one in load_functions(ROOT / "functions")}
    assert set(counters.FUNCTIONS) == folders


def test_every_family_is_on_the_page_even_when_nothing_was_counted():
    families = {one.name for one in text_string_to_metric_families(page())}
    assert families == {one.name for one in counters.FAMILIES} | set(GAUGES)


PROMTOOL = shutil.which("promtool")


@pytest.mark.skipif(not PROMTOOL, reason="promtool is not installed")
def test_promtool_finds_nothing_to_say_about_the_page():
    fields = Counter({counters.field_of(counters.EVENTS, ("detect", 'o"k\n')): 7})
    counters.observe(fields, counters.REQUEST, ("act",), 3.0)
    done = subprocess.run(
        [str(PROMTOOL), "check", "metrics"],
        input=page(fields), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_probes_are_answered_without_any_server(serve):
    client = serve("exporter")
    assert client.get("/health/readiness").status_code == 200
    assert client.get("/nothing").status_code == 404
    assert client.post("/metrics").status_code == 405


def test_the_page_is_served_while_every_server_is_away(serve):
    answer = serve("exporter").get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=0.0.4")
    found = samples(answer.text)
    assert {value for (name, _), value in found.items() if name == "aiops_up"} == {0.0}
