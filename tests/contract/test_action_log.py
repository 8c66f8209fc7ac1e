"""What every action log promises: the twin in memory and Redis."""

import secrets
import threading
import time

import pytest
import redis

from aiops.action_log import SLOTS, ActionRecord, Attempt, Step, slot_of, step_id
from aiops.adapters.keys import Keys
from aiops.adapters.memory_action_log import MemoryActionLog
from aiops.adapters.redis_action_log import RedisActionLog
from aiops.adapters.redis_client import script
from aiops.runs import Change, Run, RunStep
from tests.incidents import ID, START, incident
from tests.redis_kinds import STORES, client_of

OTHER = "5a1d8b7c-40f8-5d62-8d43-8d3c5fd2a001"


@pytest.fixture(params=STORES)
def log(request):
    if request.param == "memory":
        yield MemoryActionLog()
        return
    client = client_of(request)
    yield RedisActionLog(client, Keys(f"t{secrets.token_hex(6)}:"))


@pytest.fixture
def client(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        yield client


def step(kind="opened", channel="slack", **changes):
    values = {
        "id": step_id(ID, 1, channel, kind, 0),
        "incident": ID,
        "generation": 1,
        "channel": channel,
        "kind": kind,
        "level": 0,
        "reason": "first told <!channel> \u2028 ü",
        "version": 1,
        "severity": 4,
        "planned_at": START,
        "next_at": START,
    }
    return Step(**values | changes)


def test_an_unknown_incident_has_neither_record_nor_snapshot(log):
    assert log.read(ID) is None
    assert log.snapshot(ID, 1) is None


def test_a_record_comes_back_as_it_was_stored_one_revision_later(log):
    attempt = Attempt(token="t", step="s", check_at=START + 5, covers=("u",), tries=2)
    record = ActionRecord(incident=ID, version=1, steps=(step(),), attempts=(attempt,))
    assert log.commit(record, incident(1))
    assert log.read(ID) == record.model_copy(update={"revision": 1})
    assert log.snapshot(ID, 1) == incident(1)


def test_of_two_changes_of_one_revision_the_first_counts(log):
    log.commit(ActionRecord(incident=ID, version=1))
    first, second = log.read(ID), log.read(ID)
    assert log.commit(first.model_copy(update={"version": 2}))
    assert not log.commit(second.model_copy(update={"version": 3}))
    assert log.read(ID).version == 2


def test_a_record_that_was_never_stored_cannot_be_changed(log):
    assert not log.commit(ActionRecord(incident=ID, revision=3, version=1))
    assert log.read(ID) is None


def test_a_refused_change_leaves_no_trace(log):
    log.commit(ActionRecord(incident=ID, version=1))
    stale = ActionRecord(incident=ID, version=2, steps=(step(version=2),))
    assert not log.commit(stale, incident(2))
    assert log.snapshot(ID, 2) is None
    assert log.due(range(SLOTS), START, 10) == []


def test_of_concurrent_changes_exactly_one_is_stored_each_time(log):
    log.commit(ActionRecord(incident=ID))
    stored = []

    def raise_the_version():
        for _ in range(20):
            record = log.read(ID)
            if log.commit(record.model_copy(update={"version": record.version + 1})):
                stored.append(1)

    if isinstance(log, MemoryActionLog):
        raise_the_version()
    else:
        threads = [threading.Thread(target=raise_the_version) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert log.read(ID).version == len(stored) - 1
    assert log.read(ID).revision == len(stored) + 1


def test_an_incident_is_due_from_the_time_its_next_step_is(log):
    log.commit(ActionRecord(incident=ID, steps=(step(next_at=START + 10),)))
    assert log.due([slot_of(ID)], START + 9, 10) == []
    assert log.due([slot_of(ID)], START + 10, 10) == [ID]
    assert log.due([(slot_of(ID) + 1) % SLOTS], START + 10, 10) == []


def test_due_incidents_come_oldest_first_and_no_more_than_asked_for_of_each_slot(log):
    names = [f"incident-{number}" for number in range(40)]
    for place, name in enumerate(names):
        log.commit(ActionRecord(incident=name, steps=(step(incident=name, next_at=START - place),)))
    assert log.due(range(SLOTS), START, 40) == names[::-1]
    for slot in range(SLOTS):
        mine = [name for name in names[::-1] if slot_of(name) == slot]
        assert log.due([slot], START, 2) == mine[:2]


def test_an_incident_with_nothing_left_to_do_is_not_due(log):
    log.commit(ActionRecord(incident=ID, steps=(step(),)))
    ended = step(state="done", finished_at=START, announced=True)
    log.commit(log.read(ID).model_copy(update={"steps": (ended,)}))
    assert log.due(range(SLOTS), START * 2, 10) == []


def test_an_end_that_was_not_announced_and_an_open_attempt_keep_it_due(log):
    ended = step(state="done", finished_at=START)
    log.commit(ActionRecord(incident=ID, steps=(ended,)))
    assert log.due(range(SLOTS), START, 10) == [ID]
    calm = ended.model_copy(update={"announced": True})
    attempt = Attempt(token="t", step=calm.id, check_at=START + 7)
    changed = {"steps": (calm,), "attempts": (attempt,)}
    log.commit(log.read(ID).model_copy(update=changed))
    assert log.due(range(SLOTS), START + 6, 10) == []
    assert log.due(range(SLOTS), START + 7, 10) == [ID]


def test_what_is_discarded_is_no_longer_due(log):
    log.commit(ActionRecord(incident=ID, steps=(step(),)))
    log.commit(ActionRecord(incident=OTHER, steps=(step(incident=OTHER),)))
    log.discard(ID)
    assert log.due(range(SLOTS), START, 10) == [OTHER]


def test_snapshots_live_as_long_as_a_step_needs_them(log):
    log.commit(ActionRecord(incident=ID, version=1, steps=(step(),)), incident(1))
    both = (step(), step("resolved", version=2))
    log.commit(log.read(ID).model_copy(update={"version": 2, "steps": both}), incident(2))
    assert log.snapshot(ID, 1) is not None
    ended = tuple(one.model_copy(update={"state": "done"}) for one in both)
    log.commit(log.read(ID).model_copy(update={"steps": ended}))
    assert log.snapshot(ID, 1) is None
    assert log.snapshot(ID, 2) == incident(2)


def test_a_snapshot_no_step_speaks_of_is_not_kept(log):
    log.commit(ActionRecord(incident=ID, version=1), incident(1))
    assert log.snapshot(ID, 1) is None


def test_a_lease_has_one_holder(log):
    assert log.acquire(ID, "slack", "one", 60_000)
    assert not log.acquire(ID, "slack", "two", 60_000)
    assert log.acquire(ID, "pagerduty", "two", 60_000)
    assert log.acquire(OTHER, "slack", "two", 60_000)


def test_a_lease_given_back_can_be_taken(log):
    log.acquire(ID, "slack", "one", 60_000)
    log.release(ID, "slack", "one")
    assert log.acquire(ID, "slack", "two", 60_000)


def test_nobody_gives_back_the_lease_of_another(log):
    log.acquire(ID, "slack", "one", 60_000)
    log.release(ID, "slack", "two")
    assert not log.acquire(ID, "slack", "three", 60_000)


def test_a_lease_ends_by_itself_in_real_time(log):
    log.acquire(ID, "slack", "one", 40)
    time.sleep(0.08)
    assert log.acquire(ID, "slack", "two", 60_000)


def test_a_lease_is_never_scaled_with_the_clock_but_records_are(client):
    keys = Keys(f"t{secrets.token_hex(6)}:")
    log = RedisActionLog(client, keys, rate=1_000.0)
    log.acquire(ID, "slack", "one", 10_000)
    log.commit(ActionRecord(incident=ID))
    assert 9_000 < client.pttl(keys.action_lease(slot_of(ID), ID, "slack")) <= 10_000
    assert client.pttl(keys.action_record(slot_of(ID), ID)) <= 30 * 24 * 3_600_000 // 1_000


def test_the_script_checks_its_arguments_before_it_writes(client):
    name = f"t{secrets.token_hex(6)}"
    keys = [f"{{{name}}}:i", f"{{{name}}}:due"]
    commit = client.register_script(script("commit_action"))
    good = ["0", "{}", "1000", ID, "5", "", ""]
    for place, bad in ((0, "x"), (2, "x"), (2, "0"), (4, "soon")):
        with pytest.raises(redis.ResponseError, match="commit_action"):
            commit(keys=keys, args=[*good[:place], bad, *good[place + 1 :]])
    with pytest.raises(redis.ResponseError, match="commit_action"):
        commit(keys=keys, args=good[:6])
    assert client.exists(*keys) == 0
    assert commit(keys=keys, args=good) == 1


def test_everything_about_an_incident_lives_in_one_slot():
    keys, slot = Keys("g:"), slot_of(ID)
    names = (
        keys.action_record(slot, ID),
        keys.action_due(slot),
        keys.action_lease(slot, ID, "slack"),
    )
    assert {name[name.index("{") : name.index("}")] for name in names} == {f"{{a:{slot}"}


def a_run(**changes):
    values = {
        "id": OTHER,
        "number": 1,
        "incident": ID,
        "generation": 1,
        "runbook": "restart",
        "mode": "approve",
        "domain": "shop",
        "service": "cart <!channel> \u2028 ü",
        "metric": "cpu",
        "version": 1,
        "steps": (
            RunStep(operation="scale", arguments={"size": 3, "x": [None]}, target="t", summary="s"),
        ),
        "changes": (Change(state="proposed", at=START, reason="why"),),
        "announced": 1,
        "next_at": START + 10,
        "expires_at": START + 20,
    }
    return Run(**values | changes)


def test_a_run_comes_back_as_it_was_stored_and_is_due_when_it_is_to_go_on(log):
    record = ActionRecord(incident=ID, version=1, runs=(a_run(),))
    assert log.commit(record, incident(1))
    assert log.read(ID).runs == (a_run(),)
    assert log.due([slot_of(ID)], START + 9, 10) == []
    assert log.due([slot_of(ID)], START + 10, 10) == [ID]
    assert log.snapshot(ID, 1) is not None, "its messages could not be written"


def test_a_run_is_due_until_its_changes_are_published_and_its_end_is_settled(log):
    end = Change(state="failed", at=START + 5, reason="")
    ended = a_run(changes=(*a_run().changes, end), admitted=True)
    log.commit(ActionRecord(incident=ID, runs=(ended,)))
    assert log.due([slot_of(ID)], START + 5, 10) == [ID]
    for changes, due in (({"announced": 2}, [ID]), ({"announced": 2, "settled": True}, [])):
        record = log.read(ID)
        log.commit(record.model_copy(update={"runs": (ended.model_copy(update=changes),)}))
        assert log.due([slot_of(ID)], START + 10, 10) == due
