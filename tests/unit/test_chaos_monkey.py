from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from local.chaos import monkey
from local.chaos.monkey import CHANNELS, TARGETS, Monkey, Reach
from tests.unit.test_chaos_outages import Fake, play


@dataclass
class Process:
    """A function that is started and killed."""

    running: bool = True
    url: str = "http://127.0.0.1:1"
    done: Counter = field(default_factory=Counter)

    def start(self) -> None:
        self.running = True
        self.done["start"] += 1

    def kill(self) -> None:
        self.running = False
        self.done["kill"] += 1

    def kill_workers(self) -> int:
        self.done["worker"] += 1
        return 1

    def suspend_workers(self) -> int:
        self.done["still"] += 1
        return 1

    def resume_workers(self) -> int:
        self.done["on"] += 1
        return 1

    def wait_ready(self) -> None:
        assert self.running
        self.done["ready"] += 1


@dataclass(eq=False)
class Proxy:
    """Links that are cut."""

    done: Counter = field(default_factory=Counter)

    def cut(self, link: str) -> None:
        self.done[f"cut {link}"] += 1

    def sever(self, link: str, server: str) -> None:
        self.done[f"sever {link}"] += 1

    def swallow(self, link: str) -> None:
        self.done[f"swallow {link}"] += 1


@dataclass
class Receiver:
    """A receiver that is told to fail."""

    orders: list[tuple[str, int, int]] = field(default_factory=list)

    def answer(self, channel: str, status: int, times: int = 1) -> None:
        self.orders.append((channel, status, times))


@pytest.fixture
def reach(monkeypatch: pytest.MonkeyPatch) -> Reach:
    for name in ("WORKER", "FUNCTION", "CUT", "SWALLOW", "REFUSE", "PAUSE"):
        monkeypatch.setattr(monkey, f"{name}_SECONDS", 0.002)
    processes = {name: [Process(), Process()] for name in TARGETS}
    servers = {"redis": (Fake(), Path("/nowhere"))}
    return Reach(
        processes, servers, {Proxy(): ("redis",), Proxy(): tuple(set(TARGETS))}, Receiver()
    )


def test_everything_is_hurt_and_what_was_done_is_counted(reach: Reach) -> None:
    one = Monkey(1, reach, 0.1)
    one.start()
    servers, functions = reach.links
    hurt = one.damage.kills, one.damage.worker_kills, one.damage.pauses
    play(
        one,
        lambda: (
            all(len(by) == len(set(TARGETS)) for by in hurt)
            and len(servers.done) == 2
            and len(functions.done) == 3 * len(set(TARGETS))
            and one.damage.refusals
        ),
    )
    for name, some in reach.processes.items():
        assert one.damage.kills[name] == sum(each.done["kill"] for each in some)
        assert one.damage.worker_kills[name] == sum(each.done["worker"] for each in some)
        assert all(each.running for each in some)
    assert one.damage.refusals == len(reach.receiver.orders) > 0
    assert {order[0] for order in reach.receiver.orders} <= set(CHANNELS)


def test_a_function_that_ended_by_itself_is_started_again(reach: Reach) -> None:
    one = Monkey(1, reach, 0.1)
    process = reach.processes["aiops-act"][0]
    process.running = False
    one.step()
    assert process.running
    assert one.damage.kills.total() == 0


def test_once_calm_all_is_whole_and_nothing_more_is_done(reach: Reach) -> None:
    one = Monkey(1, reach, 0.1)
    one.start()
    play(one, lambda: one.damage.kills.total() > 3)
    reach.processes["aiops-detect"][0].running = False
    one.calm()
    assert one.outages_left == 0
    assert all(p.done["on"] >= p.done["still"] for some in reach.processes.values() for p in some)
    assert all(p.running and p.done["ready"] for some in reach.processes.values() for p in some)
    assert [times for _, _, times in reach.receiver.orders[-3:]] == [0, 0, 0]
    before = one.damage.kills.total()
    for _ in range(50):
        one.step()
    assert one.damage.kills.total() == before
