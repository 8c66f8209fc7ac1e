"""Counters are exact though instances come, go and are killed."""

import os
import signal
import subprocess
import sys
import time

import pytest

from aiops.adapters.keys import Keys
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_counters import RedisCounters
from aiops.counters import BEYOND, EVENTS, REQUEST, RESULTS, SUM, field_of
from local.functions import ROOT
from tests.counting_worker import status_of

pytestmark = [pytest.mark.redis, pytest.mark.slow]

EVENTS_EACH = 25_000
PROCESSES = 4
KILLS = 6
LIFE = 180
"""Answers of an instance: 90 seconds at two a second."""


def start(url, generation, function, first, last, journal):
    arguments = (url, generation, function, str(first), str(last), str(LIFE), str(journal))
    return subprocess.Popen([sys.executable, "-m", "tests.counting_worker", *arguments], cwd=ROOT)


def given(journal):
    return journal.stat().st_size if journal.exists() else 0


def run(url, generation, folder, killed):
    """Have all events answered by four processes; return how often each was killed."""
    journals = [folder / f"{place}" for place in range(PROCESSES)]
    kills = [KILLS if place in killed else 0 for place in range(PROCESSES)]
    due = [[EVENTS_EACH * (n + 1) // (k + 1) for n in range(k)] for k in kills]
    at = [range(EVENTS_EACH * n, EVENTS_EACH * (n + 1)) for n in range(PROCESSES)]

    def started(n):
        first = at[n].start + given(journals[n])
        return start(url, generation, f"f{n}", first, at[n].stop, journals[n])

    running = {n: started(n) for n in range(PROCESSES)}
    done = [0] * PROCESSES
    ends = time.monotonic() + 280
    while running:
        assert time.monotonic() < ends, "the workers do not end"
        for n, process in list(running.items()):
            if due[n] and given(journals[n]) >= due[n][0]:
                due[n].pop(0)
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
                done[n] += 1
                running[n] = started(n)
            elif process.poll() is not None:
                assert process.returncode == 0
                del running[n]
        time.sleep(0.002)
    assert [given(journal) for journal in journals] == [EVENTS_EACH] * PROCESSES
    return done


def test_totals_are_the_answers_given_and_at_most_one_more_for_each_kill(
    debian_redis_url, tmp_path
):
    """Of 100 000 events; the most it may differ by is the number of kills."""
    generation = f"c{os.getpid()}:"
    killed = run(debian_redis_url, generation, tmp_path, {0, 1})
    assert sum(killed) >= KILLS, "hardly anybody was killed"
    totals = RedisCounters(connect(debian_redis_url), Keys(generation)).read()
    more = []
    for n in range(PROCESSES):
        name, mine = f"f{n}", range(EVENTS_EACH * n, EVENTS_EACH * (n + 1))
        refused = sum(status_of(event) == 400 for event in mine)
        ok = totals[field_of(EVENTS, (name, "ok"))]
        rejected = totals[field_of(EVENTS, (name, "rejected"))]
        more.append(ok + rejected - EVENTS_EACH)
        assert 0 <= ok - (EVENTS_EACH - refused) <= killed[n]
        assert 0 <= rejected - refused <= killed[n]
        assert totals[field_of(RESULTS, (name, "accepted"))] == 3 * (ok + rejected)
        observed = sum(
            totals.get(field_of(REQUEST, (name,), part), 0)
            for part in (*map(str, REQUEST.buckets), BEYOND)
        )
        assert observed == ok + rejected
        least = sum(event % 7 for event in mine)
        assert 0 <= totals[field_of(REQUEST, (name,), SUM)] - least <= 6 * killed[n]
    assert all(0 <= extra <= kills for extra, kills in zip(more, killed, strict=True))
    assert more[2:] == [0, 0], "nobody of these was killed"
