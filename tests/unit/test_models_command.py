"""`aiops models`: what is fitted, how old it is, and why something is not."""

import json
import uuid

import numpy as np
import pytest
import redis

from aiops.adapters.keys import Keys
from aiops.adapters.redis_models import RedisModels
from aiops.adapters.redis_series import RedisSeriesStore
from aiops.clock import SystemClock
from aiops.errors import Misconfigured
from aiops.series_store import Write
from aiops.training import ModelStatus
from functions.detect.config import Rule
from functions.detect.judge import Judge
from functions.detect.record import HEADER
from local.cli import main
from local.commands.models import row_of

NOW = 1_767_225_600_000
HOUR_MS = 3_600_000


def status(series="a" * 32, state="active", detector="prophet", made_at=NOW, **changes):
    values = {
        "series": series,
        "shard": 3,
        "metric": "requests_per_second",
        "labels": {"service": "[red]cart"},
        "state": state,
        "detector": detector,
        "reason": "97% of its movement repeats daily",
        "made_at": made_at,
        "until": made_at + 36 * HOUR_MS,
        "quality": {"winkler": 14.0, "winkler_baseline": 61.5},
    }
    return ModelStatus(**values | changes)


def header(**fields):
    made = np.zeros(1, HEADER)
    for name, value in fields.items():
        made[name] = value
    return made


def test_an_active_model_whose_time_is_over_is_shown_as_expired():
    used = header(model=NOW)
    assert row_of(status(), used, NOW + HOUR_MS)["state"] == "active"
    assert row_of(status(), used, NOW + HOUR_MS)["valid_seconds"] == 35 * 3_600
    assert row_of(status(), used, NOW + 36 * HOUR_MS)["state"] == "expired"
    assert row_of(status(), None, NOW + 36 * HOUR_MS)["state"] == "expired"
    assert row_of(status(state="refused"), used, NOW + 99 * HOUR_MS)["state"] == "refused"
    assert row_of(status(detector="baseline"), used, NOW + 99 * HOUR_MS)["state"] == "active"


def test_a_model_that_was_given_up_is_shown_as_retired_until_a_later_one_is_fitted():
    given_up = header(model=-(NOW + HOUR_MS))
    assert row_of(status(), given_up, NOW + 2 * HOUR_MS)["state"] == "retired"
    assert row_of(status(), given_up, NOW + 99 * HOUR_MS)["state"] == "retired"
    later = status(made_at=NOW + 3 * HOUR_MS)
    assert row_of(later, given_up, NOW + 3 * HOUR_MS)["state"] == "active"


def keep_record(store, of, now):
    """Keep the record of a series that has been seen 42 times."""
    plain = Judge.of(Rule())
    record = np.zeros(1, plain.layout)
    for name, value in (("kind", plain.kind), ("count", 42), ("since", now), ("last", now)):
        record["header"][name] = value
    assert store.commit([Write(of.shard, of.series, b"", record.tobytes())], now) == []


def test_the_command_prints_what_is_stored(redis_url, capsys):
    generation = f"t{uuid.uuid4().hex}"
    now = SystemClock().now()
    with redis.Redis.from_url(redis_url) as client:
        models = RedisModels(client, Keys(f"{generation}:"), SystemClock())
        models.note(status(made_at=now - 28 * HOUR_MS))
        failed = status(series="b" * 32, state="failed", made_at=now, quality={})
        models.note(failed)
        keep_record(RedisSeriesStore(client, Keys(f"{generation}:")), failed, now)
    where = ["models", "--redis-url", redis_url, "--generation", generation]
    assert main(where) == 0
    told = capsys.readouterr().out
    assert "[red]cart" in told
    assert "2 series, 0 requests due" in told
    assert "no sample was accepted yet" in told
    assert "42 samples since" in told
    assert main([*where, "--json", "--state", "active"]) == 0
    found = json.loads(capsys.readouterr().out)
    (row,) = found["models"]
    assert (row["state"], row["age_seconds"] // 3_600) == ("active", 28)
    assert row["quality"] == {"winkler": 14.0, "winkler_baseline": 61.5}
    assert main([*where, "--json", "--metric", "other"]) == 0
    assert json.loads(capsys.readouterr().out) == {"models": [], "due": 0}


def test_nobody_is_asked_where_redis_is_not_named(monkeypatch):
    monkeypatch.delenv("REDIS_URL", raising=False)
    from local.commands import models

    with pytest.raises(Misconfigured, match="--redis-url"):
        models.run(type("Options", (), {"redis_url": ""})())
