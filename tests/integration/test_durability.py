"""What the benchmark of losses rests on: it finds a loss where there is one, and none where not."""

from pathlib import Path

import pytest

from bench.crash import killed, power_cut
from bench.failover import failed_over
from bench.power import can_tell, cut

pytestmark = pytest.mark.redis
tells = pytest.mark.skipif(not can_tell(), reason="the kernel does not tell what is on disk")


def test_a_killed_redis_that_syncs_always_has_lost_nothing() -> None:
    loss = killed("always")
    assert loss.acknowledged > 0
    assert loss.lost == 0


def test_without_a_file_that_is_appended_to_all_since_the_snapshot_is_gone() -> None:
    loss = killed(None)
    assert 0 < loss.lost < loss.acknowledged
    assert 100 < loss.milliseconds < 1_000 * loss.seconds


def test_a_failover_loses_nothing_that_a_replica_was_waited_for() -> None:
    loss = failed_over(1, lagging=True)
    assert loss.acknowledged > 0
    assert loss.lost == 0


@tells
def test_a_power_cut_takes_what_was_not_synced_and_at_most_a_page_where_all_was() -> None:
    assert power_cut("always", 0.5).lost <= 1
    never = power_cut("no", 0.5)
    assert never.lost > 0


@tells
def test_a_file_is_cut_to_what_the_disk_has(tmp_path: Path) -> None:
    file = tmp_path / "appended"
    with file.open("wb") as opened:
        opened.write(b"a" * 8_192)
        opened.flush()
        pages = cut(file)
    if not pages:
        pytest.skip("this file system has no dirty pages")
    assert (pages, file.stat().st_size) == (8_192, 0)
