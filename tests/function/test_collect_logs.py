"""Counts of Loki become samples, those of missed ticks as well."""

from collections.abc import Iterator

import pytest

from aiops.adapters.prometheus import loki
from aiops.errors import Unavailable
from aiops.events import Samples
from aiops.queries import STARTER_LOG_QUERIES
from functions.collect.config import CollectConfig
from functions.collect.handler import CollectHandler
from tests.function.test_collect import NOW, make, tick
from tests.loki_stand_in import LokiStandIn

MINUTE = 60_000


@pytest.fixture
def server() -> Iterator[LokiStandIn]:
    with LokiStandIn() as stand_in:
        start = NOW / 1000
        error = {"service_name": "cart", "detected_level": "error"}
        info = {"service_name": "cart", "detected_level": "info"}
        stand_in.lines = {
            query.logql: [(error, [start - 5, start + 130]), (info, [start - 59.0, start - 1])]
            for query in STARTER_LOG_QUERIES
        }
        yield stand_in


def rig(server: LokiStandIn, **config) -> CollectHandler:
    return make(None, logs=loki(server.url, 5.0), config=CollectConfig(**config))


def gathered(handler: CollectHandler) -> dict[tuple[str, str, int], float]:
    facts = [Samples.model_validate_json(m.event.data) for m in handler.publisher.take("metrics")]
    heads = [(fact.series[place], at, value) for fact in facts for place, at, value in fact.samples]
    return {(h.metric, h.labels["detected_level"], (at - NOW) // MINUTE): v for h, at, v in heads}


def test_counts_by_level_become_samples_without_any_prometheus(server: LokiStandIn) -> None:
    handler = rig(server)
    assert handler(tick())["samples"] == 2 * len(STARTER_LOG_QUERIES)
    found = gathered(handler)
    assert found["log_lines", "error", 0] == 1.0
    assert found["log_lines", "info", 0] == 2.0
    assert {path for path, _ in server.asked} == {"/loki/api/v1/query"}


def test_minutes_that_ticks_missed_are_counted_later(server: LokiStandIn) -> None:
    late, on_time = rig(server), rig(server)
    for minute in range(6):
        on_time(tick(NOW + minute * MINUTE))
    for minute in (0, 5):
        late(tick(NOW + minute * MINUTE))
    found = gathered(late)
    assert found == gathered(on_time)
    assert found["log_errors", "error", 3] == 1.0
    assert "/loki/api/v1/query_range" in {path for path, _ in server.asked}


def test_what_loki_refuses_in_plain_text_is_told_by_its_status(server: LokiStandIn) -> None:
    server.lines.pop(STARTER_LOG_QUERIES[0].logql)
    handler = rig(server)
    with pytest.raises(Unavailable, match=r"^log_lines: Loki: status 400, no JSON$"):
        handler(tick())
    assert {metric for metric, _, _ in gathered(handler)} == {"log_errors", "log_failed_calls"}
