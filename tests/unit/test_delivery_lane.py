import threading
import time

from local.delivery.lane import Lane
from local.delivery.sinks import Services


def wait_for(lane: "Lane[int]") -> None:
    deadline = time.monotonic() + 5
    while lane.depth and time.monotonic() < deadline:
        time.sleep(0.001)


def test_a_lane_of_width_one_does_one_after_the_other_in_order() -> None:
    done: list[int] = []
    together: list[int] = []
    busy = threading.Semaphore(1)

    def work(item: int) -> None:
        if not busy.acquire(blocking=False):
            together.append(item)
            return
        time.sleep(0.0005)
        done.append(item)
        busy.release()

    lane = Lane("ordered", 1, work)
    for item in range(50):
        lane.put(item)
    wait_for(lane)
    assert done == list(range(50))
    assert together == []


def test_a_wide_lane_does_as_many_at_once_as_it_is_wide() -> None:
    meeting = threading.Barrier(4, timeout=5)

    def work(_: int) -> None:
        meeting.wait()

    lane = Lane("wide", 4, work)
    for item in range(8):
        lane.put(item)
    wait_for(lane)
    assert lane.depth == 0
    assert not meeting.broken


def test_a_closed_lane_finishes_what_it_is_at_and_drops_the_rest() -> None:
    started, release = threading.Event(), threading.Event()
    done: list[int] = []

    def work(item: int) -> None:
        started.set()
        release.wait(5)
        done.append(item)

    lane = Lane("closing", 1, work)
    for item in range(5):
        lane.put(item)
    started.wait(5)
    lane.close()
    release.set()
    assert lane.join(5)
    assert done == [0]


def test_instances_of_a_service_take_turns() -> None:
    services = Services({"aiops-detect": ("http://a", "http://b"), "aiops-act": ()})
    assert "aiops-detect" in services
    assert "aiops-act" not in services
    turns = [services.next_url("aiops-detect") for _ in range(4)]
    assert turns == ["http://a", "http://b", "http://a", "http://b"]
