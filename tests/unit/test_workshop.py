"""Fits in a process of their own: what hangs, explodes or crashes is ended and said to have."""

import io
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from aiops.artefact import Artefact
from aiops.history import History
from functions.train import frames
from functions.train.fit import DAY_MS
from functions.train.procedure import Task
from functions.train.workshop import COMMAND, MIB, Limits, Workshop, memory_of
from tests.waiting import until

NOW = 1_767_225_600_000
ROOT = Path(__file__).parents[2]
WORKER = (sys.executable, str(ROOT / "tests" / "train_worker.py"))
ROOMY = Limits(30.0, 700 * MIB)


def noise(days=3.0, step=300_000):
    time_ = np.arange(NOW - int(days * DAY_MS), NOW, step)
    return History(time_, 100 + np.random.default_rng(1).uniform(-3, 3, len(time_)))


def task(detector, **params):
    return Task("a" * 32, detector, {detector: params}, NOW, noise())


@pytest.fixture
def workshop(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{ROOT / 'shared'}")
    made = Workshop(command=WORKER)
    yield made
    made.close()


def gone(pid):
    with suppress(FileNotFoundError, ProcessLookupError):
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        return state == "Z"
    return True


def test_one_worker_serves_fit_after_fit(workshop):
    beats = []
    first = workshop.fit(task("steady", half=20.0), ROOMY, beats.append)
    pid = workshop.pid
    second = workshop.fit(task("steady", half=20.0), ROOMY, beats.append)
    assert workshop.pid == pid
    assert first.outcome == second.outcome
    assert "steady" in beats
    assert 10 * MIB < second.peak < ROOMY.memory


def test_what_a_worker_makes_comes_back_as_it_was_made(workshop):
    outcome = workshop.fit(task("steady", half=3.2), ROOMY, print).outcome
    artefact = Artefact.unpack(outcome.artefact)
    assert (artefact.series, artefact.made_at, artefact.until) == ("a" * 32, NOW, outcome.until)
    assert artefact.quality == outcome.quality
    assert artefact.arrays["upper"][0] == pytest.approx(103.2, abs=0.3)


def test_what_a_library_prints_is_no_answer(workshop, capfd):
    outcome = workshop.fit(task("talking", half=20.0), ROOMY, lambda _: None).outcome
    assert outcome.state in {"active", "refused"}
    assert "what a library prints" in capfd.readouterr().err


def test_a_fit_that_hangs_is_ended_with_all_it_started_and_the_next_one_is_served(workshop):
    beats = []
    done = workshop.fit(task("forking"), Limits(3.0, 700 * MIB), beats.append)
    assert done.outcome.state == "failed"
    assert done.outcome.reason == "took longer than the 3 s a fit may"
    assert done.seconds < 4.0
    (child,) = [int(beat.split()[1]) for beat in beats if beat.startswith("child")]
    until(lambda: gone(child), 5)
    assert workshop.fit(task("steady", half=20.0), ROOMY, beats.append).outcome.state != "failed"


def test_a_fit_that_is_long_silent_is_told_of_all_the_same(workshop, monkeypatch):
    monkeypatch.setattr("functions.train.workshop._TELL_SECONDS", 0.3)
    beats = []
    workshop.fit(task("hanging"), Limits(3.0, 700 * MIB), beats.append)
    told = [beat for beat in beats if beat.startswith("hanging; ")]
    assert told
    assert told[-1].endswith(" MiB")


def test_a_fit_that_takes_all_memory_is_ended(workshop):
    started = time.monotonic()
    done = workshop.fit(task("greedy"), Limits(30.0, 300 * MIB), lambda _: None)
    assert done.outcome.state == "failed"
    assert "memory" in done.outcome.reason
    assert done.peak < 500 * MIB
    assert time.monotonic() - started < 20
    assert workshop.fit(task("steady", half=20.0), ROOMY, print).outcome.state != "failed"


def test_a_fit_that_crashes_its_worker_says_by_what(workshop):
    done = workshop.fit(task("crashing"), ROOMY, lambda _: None)
    assert done.outcome.reason == "the worker was ended by SIGSEGV"
    assert workshop.fit(task("steady", half=20.0), ROOMY, print).outcome.state != "failed"


def test_a_bug_in_a_library_is_a_failed_fit_and_the_worker_goes_on(workshop):
    assert workshop.fit(task("steady", half=20.0), ROOMY, print).outcome.state != "failed"
    pid = workshop.pid
    outcome = workshop.fit(task("broken"), ROOMY, lambda _: None).outcome
    assert (outcome.state, outcome.reason) == ("failed", "KeyError: 'no such column'")
    assert workshop.pid == pid


def test_a_worker_whose_parent_is_gone_ends_itself_in_the_middle_of_a_fit(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{ROOT / 'shared'}")
    program = (
        "import sys; sys.path.insert(0, '.')\n"
        "from tests.unit.test_workshop import *\n"
        "workshop = Workshop(command=WORKER)\n"
        "def beat(doing):\n"
        "    print(workshop.pid, flush=True)\n"
        "workshop.fit(task('hanging'), ROOMY, beat)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    worker = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until(lambda: gone(worker), 10)


def test_memory_of_a_process_includes_what_it_started():
    program = "import time; x = bytearray(80 << 20); time.sleep(60)"
    shell = subprocess.Popen(["/bin/sh", "-c", f'{sys.executable} -c "{program}"; true'])
    try:
        until(lambda: memory_of(shell.pid) > 80 * MIB, 10)
    finally:
        for line in Path(f"/proc/{shell.pid}/task/{shell.pid}/children").read_text().split():
            os.kill(int(line), 9)
        shell.wait()
    assert memory_of(shell.pid) == 0


def test_frames_come_back_however_they_are_cut():
    sent = frames.pack({"beat": "ü"}) + frames.pack({"outcome": {"n": 1}}, b"\x00body")
    unframed = frames.Unframed()
    found = [frame for byte in sent for frame in unframed.take(bytes([byte]))]
    assert found == [({"beat": "ü"}, b""), ({"outcome": {"n": 1}}, b"\x00body")]
    stream = io.BytesIO(sent)
    assert [frames.read(stream), frames.read(stream)] == found
    assert frames.read(stream) is None
    with pytest.raises(EOFError):
        frames.read(io.BytesIO(sent[:5]))
    with pytest.raises(EOFError):
        frames.read(io.BytesIO(sent[:12]))
    with pytest.raises(ValueError, match="no frame"):
        frames.Unframed().take(b"\xff" * 16)


@pytest.mark.slow
def test_the_real_worker_fits_and_a_history_larger_than_a_pipe_gets_through():
    workshop = Workshop(command=COMMAND)
    season = noise(14.0, 60_000)
    value = season.value + 20 * np.sin(2 * np.pi * season.time / DAY_MS)
    whole = Task("a" * 32, "prophet", {}, NOW, History(season.time, value))
    done = workshop.fit(whole, Limits(60.0, 1024 * MIB), lambda _: None)
    workshop.close()
    assert done.outcome.state == "active", done.outcome.reason
