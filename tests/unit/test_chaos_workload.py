from itertools import pairwise

import orjson

from local.chaos.clock import InputClock
from local.chaos.faults import CUT_OFF, services
from local.chaos.timeline import HOUR, Timeline
from local.chaos.workload import PARTITIONS, SPEED, Slice, Workload

NOW = 1_770_000_000_000
SECONDS = 8.0


def play(seed: int) -> list[Slice]:
    timeline = Timeline.before(NOW, SECONDS)
    workload = Workload(seed)
    return [one for act in timeline.acts for one in workload.slices(act)]


def bodies(slices: list[Slice]) -> list[bytes]:
    return [message.event.data for one in slices for message in one.messages]


def points(slices: list[Slice]) -> list[tuple[str, str, int, int]]:
    """Return metric, service, time and partition of every sample, in the order sent."""
    found = []
    for one in slices:
        for message in one.messages:
            fact = orjson.loads(message.event.data)
            names = [(head["metric"], head["labels"]["service"]) for head in fact["series"]]
            found += [
                (*names[place], time, message.partition) for place, time, _ in fact["samples"]
            ]
    return found


def test_the_same_seed_gives_the_same_events_and_another_one_others() -> None:
    assert bodies(play(1)) == bodies(play(1)) != bodies(play(2))


def test_at_its_pace_it_makes_200_events_and_5000_samples_a_second() -> None:
    slices = play(1)
    seconds = 2 * Timeline.before(NOW, SECONDS).acts[0].length / 1000 / SPEED
    assert sum(len(one.messages) for one in slices) / seconds >= 200
    assert sum(one.samples for one in slices) / seconds >= 5_000


def test_a_series_keeps_to_one_partition() -> None:
    places: dict[tuple[str, str], set[int]] = {}
    for metric, service, _, partition in points(play(3)):
        places.setdefault((metric, service), set()).add(partition)
    assert all(len(some) == 1 for some in places.values())
    assert {place for some in places.values() for place in some} == set(range(PARTITIONS))


def test_samples_held_back_come_with_the_second_act_and_still_in_order() -> None:
    slices = play(4)
    second = Timeline.before(NOW, SECONDS).acts[1].start
    late = next(one for one in slices if one.time == second)
    held = points([late])
    assert {service for _, service, _, _ in held} <= set(CUT_OFF)
    assert all(time < second for _, _, time, _ in held)
    for name in CUT_OFF:
        times = [
            t for metric, s, t, _ in points(slices) if (metric, s) == ("cpu_usage_ratio", name)
        ]
        fresh = [t for n, t in enumerate(times) if t > max(times[:n], default=0)]
        assert fresh == sorted(fresh)
        assert len(fresh) > 0.9 * len(times)


def test_sent_together_it_is_the_same_in_fewer_events() -> None:
    timeline = Timeline.before(NOW, 12.0)
    apart, together = Workload(6), Workload(6, together=10)
    few = [one for act in timeline.acts for one in together.slices(act)]
    many = [one for act in timeline.acts for one in apart.slices(act)]
    assert sorted(points(few)) == sorted(points(many))
    assert len(bodies(few)) < len(bodies(many)) / 5


def test_what_comes_late_is_late_however_it_is_sent_together() -> None:
    found = [late(Workload(6, together=together)) for together in (1, 10)]
    assert len(found[0]) > 20
    assert found[0] == found[1]


def late(workload: Workload) -> list[tuple[str, str, int]]:
    """Return the samples that come no later than one of their series that came before."""
    found = []
    known: dict[tuple[str, str], int] = {}
    for act in Timeline.before(NOW, 12.0).acts:
        for one in workload.slices(act):
            some = [point for point in points([one]) if point[1] not in CUT_OFF]
            found += [(m, s, t) for m, s, t, _ in some if t <= known.get((m, s), 0)]
            for metric, service, time, _ in some:
                known[metric, service] = max(time, known.get((metric, service), 0))
    return sorted(found)


def test_every_service_and_no_other_is_spoken_of() -> None:
    assert {service for _, service, _, _ in points(play(5))} == set(services())


def test_nobody_is_told_before_all_can_have_arrived_and_nothing_ends_before_all_were_told() -> None:
    for seconds in (8.0, 60.0, 600.0):
        timeline = Timeline.before(NOW, seconds)
        for act in timeline.acts:
            drained, told, resolved = (
                timeline.drained(act),
                timeline.told(act),
                timeline.resolved(act),
            )
            assert drained[1] < act.start + timeline.tell_after
            assert told[0] >= act.end + timeline.tell_after
            assert told[1] < act.start + timeline.resolve_after
            assert resolved[0] > act.end + timeline.resolve_after
        times = [
            t for act in timeline.acts for t in (act.start, act.end, timeline.resolved(act)[1])
        ]
        assert all(a < b for a, b in pairwise(times))
        assert times[-1] <= NOW - HOUR // 2


def test_the_clock_of_the_ticks_stands_with_the_input_and_runs_in_between() -> None:
    clock = InputClock(1_000)
    clock.follow(5_000)
    assert clock.now() == 5_000
    clock.follow(4_000)
    assert clock.now() == 5_000
    clock.run(100_000, 100_003)
    while clock.now() < 100_003:
        assert clock.now() >= 100_000
    clock.run(50_000, 60_000)
    assert clock.now() == 100_003
