"""What keeps runs of runbooks apart: the pure decisions, the twin in memory and Redis."""

import secrets
import threading

import pytest
import redis

from aiops.adapters.keys import Keys
from aiops.adapters.memory_rails import MemoryRails
from aiops.adapters.redis_client import script
from aiops.adapters.redis_rails import RedisRails
from aiops.errors import Unavailable
from aiops.rails import (
    BREAKER_MEMORY,
    HOUR,
    MEMORY,
    Claim,
    Ending,
    Pause,
    RailsState,
    change_rails,
    claim_targets,
    close_breaker,
    settle,
)
from tests.incidents import START
from tests.redis_kinds import STORES, client_of

CART, DB = "Deployment payments/cart", "Deployment payments/db"
MINUTE = 60_000


@pytest.fixture(params=STORES)
def rails(request):
    if request.param == "memory":
        return MemoryRails()
    return RedisRails(client_of(request), Keys(f"t{secrets.token_hex(6)}:"))


def claim(run, *targets, **changes):
    values = {
        "run": run,
        "runbook": "restart",
        "targets": targets or (CART,),
        "hold_ms": HOUR,
        "max_per_hour": 3,
        "open_after": 2,
        "open_for_ms": 6 * HOUR,
    }
    return Claim(**values | changes)


def end(rails, run, *targets, failed=False, at=START, rest_ms=0, runbook="restart"):
    ending = Ending(run, runbook, targets or (CART,), failed, at, rest_ms)
    return change_rails(rails, lambda state: settle(state, ending, at))


def test_a_target_has_one_run_at_a_time_across_runbooks(rails):
    assert claim_targets(rails, claim("one"), START) is None
    refusal = claim_targets(rails, claim("two", DB, CART, runbook="scale"), START)
    assert refusal.wait
    assert refusal.reason == f"another run has {CART}"
    assert DB not in rails.read().locks, "it took one target although it could not have both"
    end(rails, "one")
    assert claim_targets(rails, claim("two", DB, CART, runbook="scale"), START) is None


def test_of_concurrent_claims_exactly_one_gets_the_target(rails):
    winners = []

    def ask(name):
        if claim_targets(rails, claim(name), START) is None:
            winners.append(name)

    names = [f"run {place}" for place in range(6)]
    if isinstance(rails, MemoryRails):
        for name in names:
            ask(name)
    else:
        threads = [threading.Thread(target=ask, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(winners) == 1
    assert rails.read().locks[CART].run == winners[0]


def test_a_run_that_asks_again_is_renewed_and_not_counted_twice(rails):
    for minute in range(5):
        assert claim_targets(rails, claim("one", max_per_hour=1), START + minute * MINUTE) is None
    assert rails.read().locks[CART].until == START + 4 * MINUTE + HOUR
    assert rails.read().begun == {"restart": {"one": START}}


def test_a_lock_whose_run_is_never_heard_of_again_ends(rails):
    claim_targets(rails, claim("lost"), START)
    assert claim_targets(rails, claim("next"), START + HOUR - 1).wait
    assert claim_targets(rails, claim("next"), START + HOUR) is None


def test_a_target_rests_after_a_run(rails):
    claim_targets(rails, claim("one"), START)
    end(rails, "one", rest_ms=30 * MINUTE)
    refusal = claim_targets(rails, claim("two"), START + 30 * MINUTE - 1)
    assert (refusal.reason, refusal.wait) == (f"{CART} rests after another run", False)
    assert claim_targets(rails, claim("three", DB), START) is None
    assert claim_targets(rails, claim("two"), START + 30 * MINUTE) is None


def test_only_so_many_runs_of_a_runbook_begin_in_an_hour(rails):
    for place in range(3):
        assert claim_targets(rails, claim(f"run {place}", f"target {place}"), START + place) is None
    refusal = claim_targets(rails, claim("more", DB), START + HOUR - 1)
    assert refusal.reason == "3 of its runs began within an hour, and 3 may"
    assert claim_targets(rails, claim("other", DB, runbook="scale"), START + 3) is None
    assert claim_targets(rails, claim("more", "another"), START + HOUR) is None


def test_a_breaker_opens_after_failures_in_a_row_and_closes_with_time(rails):
    end(rails, "one", failed=True)
    assert claim_targets(rails, claim("fine", DB), START) is None
    end(rails, "two", failed=True, at=START + 1)
    refusal = claim_targets(rails, claim("three"), START + 6 * HOUR)
    assert refusal.reason == "its breaker is open: 2 of its runs failed one after the other"
    assert claim_targets(rails, claim("three"), START + 6 * HOUR + 1) is None


def test_a_success_between_two_failures_keeps_a_breaker_closed(rails):
    end(rails, "one", failed=True)
    end(rails, "two", failed=False, at=START + 1)
    end(rails, "three", failed=True, at=START + 2)
    assert claim_targets(rails, claim("four"), START + 3) is None


def test_a_late_repetition_of_a_failure_does_not_undo_a_success(rails):
    for _ in range(2):
        end(rails, "one", failed=True)
        end(rails, "two", failed=True, at=START + 1)
        end(rails, "three", failed=False, at=START + 2)
    assert claim_targets(rails, claim("four"), START + 3) is None


def test_somebody_can_close_a_breaker(rails):
    end(rails, "one", failed=True)
    end(rails, "two", failed=True, at=START + 1)
    change_rails(rails, lambda state: close_breaker(state, "restart", START + 2))
    assert claim_targets(rails, claim("three"), START + 3) is None


def test_an_end_that_says_nothing_about_the_runbook_opens_nothing(rails):
    for place in range(5):
        end(rails, f"run {place}", failed=None, at=START + place)
    assert claim_targets(rails, claim("next"), START + 9) is None


def test_a_run_that_has_ended_cannot_begin_again_however_late_it_asks(rails):
    claim_targets(rails, claim("one"), START)
    end(rails, "one")
    refusal = claim_targets(rails, claim("one"), START + MEMORY - 1)
    assert (refusal.reason, refusal.wait) == ("it has ended before", False)
    assert rails.read().locks == {}


def test_ending_twice_is_ending_once(rails):
    claim_targets(rails, claim("one"), START)
    first = end(rails, "one", rest_ms=MINUTE)
    claim_targets(rails, claim("two"), START + MINUTE)
    second = end(rails, "one", rest_ms=MINUTE)
    assert second.locks[CART].run == "two"
    assert first.rests == {CART: START + MINUTE}


def test_what_has_no_effect_any_more_is_forgotten(rails):
    for place in range(50):
        claim_targets(rails, claim(f"run {place}", f"t {place}", max_per_hour=99), START)
        end(rails, f"run {place}", f"t {place}", failed=True, rest_ms=MINUTE)
    later = START + BREAKER_MEMORY + HOUR
    claim_targets(rails, claim("last"), later)
    state = rails.read()
    assert (set(state.locks), state.rests, state.ended, state.breakers) == ({CART}, {}, {}, {})
    assert state.begun == {"restart": {"last": later}}


def test_a_pause_holds_until_somebody_resumes(rails):
    assert rails.paused() is None
    pause = Pause(by="eve", at=START, reason="a storm <!channel> ü")
    rails.pause(pause)
    assert rails.paused() == pause
    rails.resume()
    assert rails.paused() is None


def test_of_two_changes_of_one_revision_the_first_counts(rails):
    first, second = rails.read(), rails.read()
    assert rails.commit(first.model_copy(update={"rests": {CART: 1}}))
    assert not rails.commit(second.model_copy(update={"rests": {CART: 2}}))
    assert rails.read() == RailsState(revision=1, rests={CART: 1})


def test_a_change_that_others_are_always_faster_than_is_given_up(rails):
    class Slow:
        read = staticmethod(RailsState)

        def commit(self, state):
            return False

    with pytest.raises(Unavailable, match="rails"):
        claim_targets(Slow(), claim("one"), START)


@pytest.fixture
def client(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        yield client


def test_whatever_stands_in_the_switch_stops_everything(client):
    keys = Keys(f"t{secrets.token_hex(6)}:")
    client.set(keys.paused(), "stop!")
    assert RedisRails(client, keys).paused() == Pause(reason="set by hand")


def test_the_script_checks_its_arguments_before_it_writes(client):
    key = f"{{t{secrets.token_hex(6)}}}"
    commit = client.register_script(script("commit_rails"))
    for bad in (["x", "{}", "1"], ["0", "{}", "0"], ["0", "{}", "x"], ["0", "{}"]):
        with pytest.raises(redis.ResponseError, match="commit_rails"):
            commit(keys=[key], args=bad)
    assert not client.exists(key)
    assert commit(keys=[key], args=["0", "{}", "1000"]) == 1
    assert commit(keys=[key], args=["0", "{}", "1000"]) == 0
    assert 0 < client.pttl(key) <= 1000
