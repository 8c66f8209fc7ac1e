"""The gateway's parts: what it carries along, how it bounds and how it gives up in time."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from aiops.errors import Unavailable
from functions.gateway.bucket import TokenBucket
from functions.gateway.deadline import Deadline
from functions.gateway.wiring import AT_A_TIME
from local.func_file import load_functions
from local.manifests import load
from local.settings import GATEWAY, GATEWAY_SECRETS, settings
from tests.waiting import until

ROOT = Path(__file__).parents[2]


def test_no_module_of_it_loads_a_library_that_computes_or_a_way_to_kubernetes() -> None:
    code = """
import sys
from aiops.plugins import available, load
import functions.gateway.wiring, functions.gateway.edge
for name in available("functions.gateway.senders"):
    load("functions.gateway.senders", name, "Sender")
heavy = {"numpy", "scipy", "pandas", "sklearn", "prophet", "luminaire", "matplotlib", "kubernetes"}
print(*sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
    locked = (ROOT / "functions" / "gateway" / "requirements.txt").read_text()
    names = {line.partition("==")[0] for line in locked.splitlines() if "==" in line}
    assert not names & {"numpy", "pandas", "scikit-learn", "kubernetes", "requests"}


def test_no_request_that_is_let_in_finds_no_room_to_be_passed_on() -> None:
    func = load_functions(ROOT / "functions")[ROOT / "functions" / "gateway"]
    threads = next(one.value for one in func.run.envs if one.name == "THREADS")
    assert int(threads) < AT_A_TIME


def test_a_bucket_gives_out_its_burst_and_then_its_rate() -> None:
    now = [0.0]
    bucket = TokenBucket(2.0, 3, lambda: now[0])
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    now[0] = 0.5
    assert [bucket.take(), bucket.take()] == [True, False]
    now[0] = 1_000.0
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]


def test_work_that_takes_too_long_is_answered_for_and_goes_on() -> None:
    go, done = threading.Event(), threading.Event()

    def work() -> None:
        go.wait(30)
        done.set()

    deadline = Deadline(1)
    with pytest.raises(Unavailable, match=r"not done within 0\.05 s"):
        deadline.run(0.05, work)
    with pytest.raises(Unavailable, match="others"):
        deadline.run(0.05, work)
    go.set()
    assert done.wait(30)
    until(lambda: _runs(deadline))


def _runs(deadline: Deadline) -> bool:
    try:
        deadline.run(30, lambda: None)
    except Unavailable:
        return False
    return True


def test_on_this_machine_it_is_started_where_a_secret_of_it_is_set() -> None:
    manifests = load(ROOT / "knative" / "base")
    assert GATEWAY in settings(manifests, "r", "k", {}, shell={}).idle
    for key, name in GATEWAY_SECRETS.items():
        found = settings(manifests, "r", "k", {}, shell={name: "s"})  # noqa: S604 - the variables of one
        assert not found.idle
        assert found.secrets["aiops-gateway"][key] == "s"
