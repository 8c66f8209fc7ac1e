"""One recording, written in different ways, is found to be the same; faults in code are drawn."""

import json
from dataclasses import replace

import numpy as np

from bench.code_faults import _lines, _spans, system
from bench.same_day import compared, different
from local.scenario.campaign import campaign


def test_the_same_samples_in_any_way_of_writing_give_the_same_anomalies() -> None:
    whole = campaign(3, services=10, step=30, faults=2)
    first = np.arange(len(whole.time)) < len(whole.time) * 2 // 3
    part = replace(
        whole, series=whole.series[first], time=whole.time[first], value=whole.value[first]
    )
    every = compared(part, seed=5)
    native = every["native"]
    assert len(native.anomalies) > 5
    for one in every.values():
        assert different(native, one) == set()
        assert one.accepted == native.accepted


def test_a_difference_is_one() -> None:
    whole = campaign(3, services=10, step=60, faults=1)
    every = compared(whole, seed=5)
    native = every["native"]
    name = next(iter(native.anomalies))
    other = replace(native, anomalies={**native.anomalies, name: {"changed": True}})
    assert different(native, other) == {name}


def test_a_fault_in_code_is_told_by_what_is_logged_or_traced_and_by_nothing_before_it() -> None:
    it = system(1, faults=2)
    exception = next(one for one in it.faults if one.kind == "exception")
    slow = next(one for one in it.faults if one.kind == "slow_path")
    rng = np.random.default_rng(1)

    def new(at: int, now: dict) -> int:
        said = [json.loads(line) for line in _lines(it, at, 1_000, now, rng)]
        return sum("cannot read property" in line["message"] for line in said)

    assert sum(new(at, {}) for at in range(5)) == 0
    assert sum(new(at, {exception.service: exception}) for at in range(20)) > 0
    document = _spans(it, slow.span.start, 10**6, {slow.service: slow}, rng)
    names = [
        one["resource"]["attributes"][0]["value"]["stringValue"]
        for one in document["resourceSpans"]
    ]
    assert set(names) == set(it.place.services) - it.place.stores - it.place.externals
