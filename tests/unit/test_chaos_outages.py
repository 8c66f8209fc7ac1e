import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from local.chaos import outages
from local.chaos.agenda import Agenda
from local.chaos.outages import ONE_MINUTE, Outages


@dataclass
class Fake:
    """A server that notes what is done to it."""

    done: list[str] = field(default_factory=list)

    def start(self, folder: Path) -> None:
        self.done.append(f"start {folder.name}")

    def wait_ready(self) -> None:
        self.done.append("ready")

    def kill(self) -> None:
        self.done.append("kill")

    def suspend(self) -> None:
        self.done.append("suspend")

    def resume(self) -> None:
        self.done.append("resume")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GAP_SECONDS", "AWAY_SECONDS", "HANG_SECONDS"):
        monkeypatch.setattr(outages, name, (0.001, 0.002))


def some(minutes: float, *names: str) -> tuple[Outages, Agenda, dict[str, Fake]]:
    agenda, fakes = Agenda(Random(1)), {name: Fake() for name in names}
    servers = {name: (fake, Path(f"/nowhere/{name}")) for name, fake in fakes.items()}
    return Outages(Random(1), agenda, servers, minutes), agenda, fakes


def play(agenda: Agenda, until) -> None:
    deadline = time.monotonic() + 5
    while not until():
        assert time.monotonic() < deadline
        agenda.step()


def test_a_minute_has_each_outage_twice_one_after_the_other() -> None:
    all_of_them, agenda, fakes = some(1.0, "redis", "kafka")
    all_of_them.start()
    play(agenda, lambda: not all_of_them.left)
    assert all_of_them.counts == Counter(f"{name} {kind}" for name, kind in ONE_MINUTE)
    assert fakes["redis"].done == ["kill", "start redis", "suspend", "resume"] * 2
    assert fakes["kafka"].done == ["suspend", "resume", "kill", "start kafka"] * 2


def test_a_few_seconds_have_each_kind_at_least_once() -> None:
    few, agenda, _ = some(0.1, "redis", "kafka")
    few.start()
    play(agenda, lambda: not few.left)
    assert set(few.counts.values()) == {1}
    assert len(few.counts) == 4


def test_a_server_that_is_not_ours_is_left_alone() -> None:
    few, agenda, fakes = some(1.0, "redis")
    few.start()
    play(agenda, lambda: not few.left)
    assert {name.split()[0] for name in few.counts} == {"redis"}
    assert fakes["redis"].done.count("kill") == 2


def test_what_is_down_when_it_stops_is_brought_back() -> None:
    few, agenda, fakes = some(1.0, "redis", "kafka")
    few.start()
    play(agenda, lambda: fakes["redis"].done == ["kill"])
    few.stop()
    assert fakes["redis"].done == ["kill", "start redis", "ready"]
    assert few.left == 0


def test_what_is_repeated_comes_again_and_again_and_what_is_cleared_does_not() -> None:
    agenda, done = Agenda(Random(2)), Counter()
    agenda.add(0.0, lambda: done.update(["once"]))
    agenda.repeat(0.001, lambda: done.update(["often"]))
    play(agenda, lambda: done["often"] > 3)
    assert done["once"] == 1
    agenda.clear()
    before = done["often"]
    time.sleep(0.01)
    agenda.step()
    assert done["often"] == before
