"""What stores of history, models and requests promise: the twins in memory and Redis alike."""

import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
import redis

from aiops.adapters.keys import DAY, Keys
from aiops.adapters.memory_history import MemoryHistory
from aiops.adapters.memory_models import MemoryModels
from aiops.adapters.memory_series import MemorySeriesStore
from aiops.adapters.memory_training import MemoryTrainingQueue
from aiops.adapters.redis_client import script
from aiops.adapters.redis_history import RedisHistory
from aiops.adapters.redis_models import RedisModels
from aiops.adapters.redis_series import RedisSeriesStore
from aiops.adapters.redis_training import RedisTrainingQueue
from aiops.clock import ManualClock
from aiops.events import SeriesHead, TrainingRequested
from aiops.history import HISTORY_CHUNK_MS, POINT, History, HistoryStore
from aiops.series_store import SeriesStore, Write
from aiops.training import ModelStatus, ModelStore, TrainingQueue
from tests.redis_kinds import STORES, client_of

NOW = 1_767_225_600_000
KEY, OTHER = "a" * 32, "b" * 32
LEASE = 90_000


@dataclass
class Stores:
    series: SeriesStore
    history: HistoryStore
    models: ModelStore
    queue: TrainingQueue


@pytest.fixture(params=STORES)
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    if request.param == "memory":
        series = MemorySeriesStore()
        yield Stores(series, MemoryHistory(series), MemoryModels(), MemoryTrainingQueue())
        return
    client = client_of(request)
    keys = Keys(f"t{uuid.uuid4().hex}:")
    yield Stores(
        RedisSeriesStore(client, keys),
        RedisHistory(client, keys),
        RedisModels(client, keys, ManualClock(NOW)),
        RedisTrainingQueue(client, keys),
    )


@pytest.fixture
def client(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        yield client


def packed(*points):
    return np.array(list(points), dtype=POINT).tobytes()


def points(history: History):
    return list(zip(history.time.tolist(), history.value.tolist(), strict=True))


def kept(key, old, nonce, *pieces, shard=3):
    return Write(shard, key, old, nonce * 8 + b"x", history=tuple(pieces))


def request(at=NOW, series=KEY, **changes):
    values = {
        "series": series,
        "head": SeriesHead(metric="m", labels={"service": "ü"}),
        "detector": "auto",
        "reason": "history",
        "requested_at": at,
    }
    return TrainingRequested(**values | changes)


def status(series=KEY, made_at=NOW, state="active", **changes):
    values = {
        "series": series,
        "shard": 3,
        "metric": "m",
        "labels": {"service": "ü"},
        "state": state,
        "detector": "prophet",
        "reason": "it fits",
        "made_at": made_at,
        "until": made_at + DAY,
        "quality": {"winkler": 1.5},
    }
    return ModelStatus(**values | changes)


# history


def test_a_series_never_kept_has_no_history(stores: Stores) -> None:
    (found,) = stores.history.read([(3, KEY)], 0, NOW)
    assert points(found) == []


def test_points_come_back_in_order_across_chunks_within_the_span_asked_for(stores: Stores) -> None:
    chunk = NOW // HISTORY_CHUNK_MS
    early, late = NOW - 60_000, NOW + 60_000
    pieces = (chunk - 1, packed((early, 1.5))), (chunk, packed((NOW, 2.5), (late, 3.5)))
    assert stores.series.commit([kept(KEY, b"", b"1", *pieces)], NOW) == []
    read = stores.history.read
    (found,) = read([(3, KEY)], 0, late + 1)
    assert points(found) == [(early, 1.5), (NOW, 2.5), (late, 3.5)]
    assert points(read([(3, KEY)], NOW, late)[0]) == [(NOW, 2.5)]
    assert points(read([(3, KEY)], late, NOW)[0]) == []


def test_history_of_several_series_comes_in_the_order_asked_for(stores: Stores) -> None:
    chunk = NOW // HISTORY_CHUNK_MS
    stores.series.commit(
        [
            kept(KEY, b"", b"1", (chunk, packed((NOW, 1.0)))),
            kept(OTHER, b"", b"1", (chunk, packed((NOW, 2.0))), shard=5),
        ],
        NOW,
    )
    found = stores.history.read([(5, OTHER), (3, OTHER), (3, KEY)], NOW, NOW + 1)
    assert [points(one) for one in found] == [[(NOW, 2.0)], [], [(NOW, 1.0)]]


def test_what_is_refused_leaves_no_history_and_what_is_written_leaves_it_once(
    stores: Stores,
) -> None:
    chunk = NOW // HISTORY_CHUNK_MS
    first = kept(KEY, b"", b"1", (chunk, packed((NOW, 1.0))))
    beside = kept(OTHER, b"", b"1", (chunk, packed((NOW, 9.0))))
    assert stores.series.commit([first, beside], NOW) == []
    assert stores.series.commit([first], NOW) == [0]
    second = kept(KEY, b"1" * 8, b"2", (chunk, packed((NOW + 1, 2.0))))
    assert stores.series.commit([second, first], NOW) == [1]
    (found,) = stores.history.read([(3, KEY)], 0, NOW + 10)
    assert points(found) == [(NOW, 1.0), (NOW + 1, 2.0)]


def test_outputs_and_history_are_written_together(stores: Stores) -> None:
    chunk = NOW // HISTORY_CHUNK_MS
    stores.series.commit(
        [
            Write(3, OTHER, b"", b"1" * 9, outputs=(("o:1", b"{}"),)),
            Write(
                3,
                KEY,
                b"",
                b"1" * 9,
                outputs=(("k:1", b"{}"), ("k:2", b"{}")),
                history=((chunk, packed((NOW, 1.0))),),
            ),
        ],
        NOW,
    )
    assert len(stores.series.outputs([(3, "o:1"), (3, "k:1"), (3, "k:2")])) == 3
    assert points(stores.history.read([(3, KEY)], 0, NOW + 1)[0]) == [(NOW, 1.0)]


def test_backfill_adds_only_what_lies_before_everything_stored(stores: Stores) -> None:
    chunk = NOW // HISTORY_CHUNK_MS
    stores.series.commit([kept(KEY, b"", b"1", (chunk, packed((NOW + 50, 5.0))))], NOW)
    times = np.array([NOW - 2 * DAY, NOW - 1, NOW + 49, NOW + 50, NOW + 99])
    older = History(times, np.arange(5.0))
    assert stores.history.backfill(3, KEY, older) == 3
    assert stores.history.backfill(3, KEY, older) == 0
    oldest = History(np.array([NOW - 3 * DAY]), np.array([7.0]))
    assert stores.history.backfill(3, KEY, oldest) == 1
    assert stores.history.backfill(3, KEY, History.of(b"")) == 0
    (found,) = stores.history.read([(3, KEY)], 0, NOW + 100)
    assert points(found) == [
        (NOW - 3 * DAY, 7.0),
        (NOW - 2 * DAY, 0.0),
        (NOW - 1, 1.0),
        (NOW + 49, 2.0),
        (NOW + 50, 5.0),
    ]


def test_backfill_of_a_series_without_history_adds_all_and_goes_on_from_there(
    stores: Stores,
) -> None:
    older = History(np.arange(NOW - DAY, NOW, 300_000), np.ones(288))
    assert stores.history.backfill(3, KEY, older) == 288
    chunk = NOW // HISTORY_CHUNK_MS
    stores.series.commit([kept(KEY, b"", b"1", (chunk, packed((NOW, 2.0))))], NOW)
    (found,) = stores.history.read([(3, KEY)], 0, NOW + 1)
    assert len(found.time) == 289
    assert found.value[-1] == 2.0


def test_a_chunk_of_history_lives_as_long_as_it_is_told_to(client) -> None:
    keys = Keys(f"t{uuid.uuid4().hex}:")
    store = RedisSeriesStore(client, keys, rate=10.0, history_lifetime=2 * DAY)
    chunk = NOW // HISTORY_CHUNK_MS
    store.commit([kept(KEY, b"", b"1", (chunk, packed((NOW, 1.0))))], NOW)
    name = keys.history(3, KEY, chunk)
    assert DAY // 5 - 60_000 < client.pttl(name) <= DAY // 5
    client.pexpire(name, 50_000)
    store.commit([kept(KEY, b"1" * 8, b"2", (chunk, packed((NOW + 1, 1.0))))], NOW)
    assert 0 < client.pttl(name) <= 50_000


def test_history_in_no_points_or_of_no_series_is_refused_before_anything_is_written(
    client,
) -> None:
    keys = Keys(f"t{uuid.uuid4().hex}:")
    store = RedisSeriesStore(client, keys)
    for bad in (b"", b"short", packed((NOW, 1.0)) + b"x"):
        with pytest.raises(redis.ResponseError, match="in no points"):
            store.commit([kept(KEY, b"", b"1"), kept(OTHER, b"", b"1", (1, bad))], NOW)
    assert list(client.scan_iter(f"aiops:{keys.generation}*")) == []


def test_a_batch_without_history_sends_what_it_always_sent() -> None:
    store = RedisSeriesStore(redis.Redis(), Keys("t:"))
    call = store._call(3, [Write(3, KEY, b"", b"1" * 9, outputs=(("k:1", b"{}"),))], NOW)
    assert call[0] == 3
    assert len(call) == 1 + 3 + 4 + 2 + 3


# models


def test_artefacts_come_back_by_series_and_version(stores: Stores) -> None:
    stores.models.put(3, KEY, NOW, NOW + DAY, b"one")
    stores.models.put(3, KEY, NOW + 1, NOW + DAY, b"two")
    stores.models.put(5, OTHER, NOW, NOW + DAY, b"three")
    wanted = [(3, KEY, NOW + 1), (5, OTHER, NOW), (3, KEY, NOW + 2), (3, KEY, NOW)]
    assert stores.models.fetch(wanted) == [b"two", b"three", None, b"one"]
    assert stores.models.fetch([]) == []


def test_an_artefact_is_kept_a_day_longer_than_it_is_valid(client) -> None:
    keys = Keys(f"t{uuid.uuid4().hex}:")
    models = RedisModels(client, keys, ManualClock(NOW, rate=10.0))
    models.put(3, KEY, NOW, NOW + DAY, b"one")
    assert DAY // 5 - 60_000 < client.pttl(keys.model(3, KEY, NOW)) <= DAY // 5
    models.put(3, KEY, NOW - 9 * DAY, NOW - 8 * DAY, b"over")
    assert client.pttl(keys.model(3, KEY, NOW - 9 * DAY)) <= 1


def test_of_two_ends_of_one_series_the_later_counts(stores: Stores) -> None:
    stores.models.note(status(made_at=NOW + 1, state="refused"))
    stores.models.note(status(made_at=NOW))
    stores.models.note(status(series=OTHER, state="failed", quality={}))
    assert stores.models.status(KEY) == status(made_at=NOW + 1, state="refused")
    assert stores.models.status("c" * 32) is None
    assert stores.models.statuses() == [
        status(made_at=NOW + 1, state="refused"),
        status(series=OTHER, state="failed", quality={}),
    ]


def test_ends_of_long_ago_are_forgotten(stores: Stores) -> None:
    stores.models.note(status())
    stores.models.note(status(series=OTHER, made_at=NOW + 31 * DAY))
    assert [one.series for one in stores.models.statuses()] == [OTHER]


# requests


def test_a_request_is_claimed_once_it_is_due(stores: Stores) -> None:
    wish = request(params={"weeks": 2, "names": ["x"]}, since=5)
    stores.queue.add(wish, NOW + 10)
    assert stores.queue.claim(NOW + 9, LEASE, 5) == []
    assert stores.queue.due(NOW + 9) == 0
    assert stores.queue.due(NOW + 10) == 1
    (claim,) = stores.queue.claim(NOW + 10, LEASE, 5)
    assert claim.request == wish
    assert claim.attempts == 0


def test_a_claimed_request_is_nobody_elses_until_the_lease_ends(stores: Stores) -> None:
    stores.queue.add(request(), NOW)
    (mine,) = stores.queue.claim(NOW, LEASE, 5)
    assert stores.queue.claim(NOW + LEASE - 1, LEASE, 5) == []
    assert stores.queue.due(NOW + LEASE - 1) == 0
    (theirs,) = stores.queue.claim(NOW + LEASE, LEASE, 5)
    assert theirs.attempts == 1
    assert not stores.queue.finish(mine)
    assert not stores.queue.defer(mine, NOW)
    assert stores.queue.finish(theirs)
    assert stores.queue.due(NOW + 10 * LEASE) == 0


def test_a_request_asked_for_again_while_claimed_stays_claimed_and_is_due_after(
    stores: Stores,
) -> None:
    stores.queue.add(request(), NOW)
    (claim,) = stores.queue.claim(NOW, LEASE, 5)
    stores.queue.add(request(NOW + 5, reason="drift"), NOW + 5)
    assert stores.queue.claim(NOW + 6, LEASE, 5) == []
    assert stores.queue.finish(claim)
    (again,) = stores.queue.claim(NOW + 6, LEASE, 5)
    assert again.request.reason == "drift"
    assert again.attempts == 0


def test_the_same_request_delivered_again_while_claimed_is_served_once(stores: Stores) -> None:
    stores.queue.add(request(), NOW)
    (claim,) = stores.queue.claim(NOW, LEASE, 5)
    stores.queue.add(request(), NOW)
    assert stores.queue.finish(claim)
    assert stores.queue.due(NOW + 10 * LEASE) == 0


def test_of_two_requests_of_one_series_the_later_is_kept_and_due_at_the_earlier_time(
    stores: Stores,
) -> None:
    stores.queue.add(request(NOW + 5, reason="drift"), NOW + 100)
    stores.queue.add(request(NOW), NOW + 50)
    stores.queue.add(request(NOW + 9, reason="age"), NOW + 200)
    stores.queue.add(request(NOW, series=OTHER), NOW + 60)
    first, second = stores.queue.claim(NOW + 60, LEASE, 5)
    assert (first.request.reason, second.request.series) == ("age", OTHER)


def test_what_is_given_back_is_due_later_and_was_no_attempt(stores: Stores) -> None:
    stores.queue.add(request(), NOW)
    (claim,) = stores.queue.claim(NOW, LEASE, 5)
    assert stores.queue.defer(claim, NOW + 30)
    assert stores.queue.claim(NOW + 29, LEASE, 5) == []
    (again,) = stores.queue.claim(NOW + 30, LEASE, 5)
    assert again.attempts == 0
    stores.queue.add(request(NOW + 31, reason="drift"), NOW + 31)
    assert stores.queue.defer(again, NOW + DAY)
    (newer,) = stores.queue.claim(NOW + 31, LEASE, 5)
    assert newer.request.reason == "drift"


def test_attempts_that_were_never_ended_are_counted(stores: Stores) -> None:
    stores.queue.add(request(), NOW)
    found = [stores.queue.claim(NOW + n * LEASE, LEASE, 5)[0].attempts for n in range(4)]
    assert found == [0, 1, 2, 3]


def test_no_more_are_claimed_than_asked_for_the_earliest_due_first(stores: Stores) -> None:
    for place in range(6):
        stores.queue.add(request(series=f"{place:032x}"), NOW - place)
    claims = stores.queue.claim(NOW, LEASE, 2)
    assert [one.request.series[-1] for one in claims] == ["5", "4"]
    assert stores.queue.due(NOW) == 4


def test_of_many_claimants_each_request_has_one(stores: Stores) -> None:
    for place in range(40):
        stores.queue.add(request(series=f"{place:032x}"), NOW)
    taken = []

    def take():
        while claims := stores.queue.claim(NOW, LEASE, 3):
            taken.extend(one.request.series for one in claims)

    if isinstance(stores.queue, MemoryTrainingQueue):
        take()
    else:
        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(taken) == [f"{place:032x}" for place in range(40)]


def test_scripts_check_their_arguments_before_they_write(client) -> None:
    names = [f"{{t{uuid.uuid4().hex}}}:{part}" for part in ("a", "b", "c")]
    for name, keys, bad in (
        ("add_training", 3, [KEY, "x", "1", "{}", "1000", "5"]),
        ("add_training", 3, [KEY, "1", "1", "{}", "0", "5"]),
        ("claim_training", 3, ["1", "2", "3", "", "1000"]),
        ("settle_training", 3, [KEY, "t", "1", "soon"]),
        ("note_model", 2, [KEY, "x", "{}", "0"]),
        ("backfill_history", 1, ["0", "", "1000", "2", "x" * 16]),
        ("backfill_history", 1, ["0", "", "0", "1", "x" * 16]),
    ):
        with pytest.raises(redis.ResponseError, match=name):
            client.register_script(script(name))(keys=names[:keys], args=bad)
    assert client.exists(*names) == 0
