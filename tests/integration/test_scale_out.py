"""Two processes of `detect` do what one does, whoever gets which event."""

import pytest

from bench import scale_out
from bench.run import now
from bench.workload import STEP_MS

pytestmark = pytest.mark.slow


def test_two_processes_find_and_leave_what_one_does(monkeypatch):
    monkeypatch.setattr(scale_out, "GROUPS", 16)
    monkeypatch.setattr(scale_out, "SWEEPS", 8)
    start = now() - 2_000 * STEP_MS
    one, two = (scale_out.run(number, start) for number in (1, 2))
    assert len(one.anomalies) >= 16
    assert (two.anomalies, two.state) == (one.anomalies, one.state)
