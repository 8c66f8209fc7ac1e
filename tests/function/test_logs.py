"""From lines of logs to an incident that names the service and says what it says."""

import json

import pytest

from aiops.errors import Rejected
from aiops.events import Incident
from aiops.ports import Event
from functions.detect.sources import PLAIN_RECORD
from local.in_process import InProcess

START = 1_767_225_600_000
MINUTE = 60_000
SOURCE = "/apis/v1/namespaces/aiops/kafkasources/logs-and-traces-to-detect#logs"
CONFIG = {"correlate": {"group_wait": 0}}


class Shop:
    """Services that log, a record a minute each, and what becomes of it."""

    def __init__(self) -> None:
        self.pipeline = InProcess.of(CONFIG, ())
        self.offset = 0

    def log(self, minute: int, *lines: dict[str, str]) -> None:
        self.offset += 1
        time = START + minute * MINUTE + 1_000
        stamped = [{"time": time, **line} for line in lines]
        data = "\n".join(map(json.dumps, stamped)).encode()
        name = f"partition:0/offset:{self.offset}"
        self.pipeline.record(Event(name, SOURCE, PLAIN_RECORD, time, data))
        self.pipeline.tick()

    def usual(self, minute: int, service: str = "cart") -> list[dict[str, str]]:
        lines = [{"service": service, "level": "info", "message": f"sold {minute}"}] * 30
        lines += [{"service": service, "level": "error", "message": f"retry {minute}"}] * (
            1 + minute % 3
        )
        return lines

    @property
    def incidents(self) -> list[Incident]:
        return list(self.pipeline.incidents.values())


def test_a_flood_of_a_new_error_becomes_an_incident_that_says_what_it_says() -> None:
    shop = Shop()
    for minute in range(130):
        shop.log(minute, *shop.usual(minute), *shop.usual(minute, "pay"))
    assert shop.incidents == []
    for minute in range(130, 136):
        new = {
            "service": "cart",
            "level": "error",
            "message": f"cannot reach stock-{minute}: password=hunter2 refused",
            "trace_id": "4bf92f3577b34da6",
        }
        shop.log(minute, *shop.usual(minute), *shop.usual(minute, "pay"), *[new] * 40)
    told = [one for one in shop.incidents if one.notified_at]
    (incident,) = told
    assert set(incident.services) == {"cart"}
    assert incident.root_cause[0].service == "cart"
    said = " ".join(one.peak.reason for one in incident.evidence)
    assert "cannot reach" in said
    assert "4bf92f3577b34da6" in said
    assert "hunter2" not in incident.model_dump_json()
    templates = {one.peak.template for one in incident.evidence}
    assert len(templates - {None}) == 1


def test_what_is_no_log_is_refused_and_nothing_is_counted() -> None:
    shop = Shop()
    bad = Event("partition:0/offset:1", SOURCE, PLAIN_RECORD, START, b"not JSON")
    with pytest.raises(Rejected, match="data"):
        shop.pipeline.record(bad)
    assert not shop.pipeline.counts
