"""What an event of known series costs `detect`: two round trips, no import, no name read again."""

import sys
import uuid

import pytest
import redis
from redis.connection import Connection

from aiops.adapters.keys import Keys
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.redis_admissions import RedisAdmissions
from aiops.adapters.redis_changes import RedisChanges
from aiops.adapters.redis_models import RedisModels
from aiops.adapters.redis_series import RedisSeriesStore
from aiops.adapters.redis_verdicts import RedisVerdicts
from aiops.batching import Reading, batches
from aiops.clock import ManualClock
from aiops.events import SeriesHead
from aiops.ports import Event
from aiops.series import SeriesMap
from functions.detect.caps import Caps
from functions.detect.config import DetectConfig, Rule
from functions.detect.handler import DetectHandler
from functions.detect.reading import SampleReader
from functions.detect.scoring import Scorer

NOW = 1_767_225_600_000
NAMES = SeriesMap()


def event(minute: int) -> Event:
    """Return samples of 100 series of one shard."""
    heads = [SeriesHead(metric="m", labels={"service": f"s{n}"}) for n in range(3_000)]
    mine = [head for head in heads if NAMES.read(head).shard == 3][:100]
    at = NOW + 60_000 * minute
    (message,) = batches([Reading(head, at, 1.0 + minute) for head in mine], NAMES, "/t", at)
    return message.event


@pytest.fixture
def handler(redis_url: str):
    config = DetectConfig(default=Rule(max_series=1_000))
    with redis.Redis.from_url(redis_url) as client:
        keys, clock = Keys(f"t{uuid.uuid4().hex}:"), ManualClock(NOW)
        store = RedisSeriesStore(client, keys)
        reader = SampleReader(SeriesMap(), config.rule_for)
        parts = (MemoryPublisher(), clock, reader, config, Scorer(config, "test"), "test")
        known = (
            RedisModels(client, keys, clock),
            RedisVerdicts(client, keys),
            RedisChanges(client, keys),
            Caps(config, RedisAdmissions(client, keys)),
        )
        made = DetectHandler(store, *parts, *known)
        for minute in range(3):
            made(event(minute))
        yield made


def test_an_event_costs_one_read_and_one_commit(handler, monkeypatch) -> None:
    sent = []
    send = Connection.send_packed_command

    def counted(self, command, check_health=True):
        sent.append(command)
        return send(self, command, check_health)

    monkeypatch.setattr(Connection, "send_packed_command", counted)
    assert handler(event(3))["accepted"] == 100
    assert len(sent) == 2


def test_an_event_imports_nothing(handler) -> None:
    before = set(sys.modules)
    handler(event(3))
    assert set(sys.modules) == before


def test_an_event_of_known_series_reads_no_name(handler, monkeypatch) -> None:
    known = event(3)
    monkeypatch.setattr(SeriesMap, "read", lambda *_: pytest.fail("a name was read"))
    assert handler(known)["accepted"] == 100
