from hypothesis import given
from hypothesis import strategies as st

from local.delivery.offsets import OffsetTracker


def test_nothing_is_committed_before_something_is_received() -> None:
    assert OffsetTracker().committable() is None


def test_an_unfinished_record_holds_back_those_after_it() -> None:
    tracker = OffsetTracker()
    for offset in (5, 6, 7):
        tracker.received(offset)
    tracker.finished(6)
    tracker.finished(7)
    assert tracker.committable() == 5
    tracker.finished(5)
    assert tracker.committable() == 8


def test_what_is_committed_is_not_committed_again() -> None:
    tracker = OffsetTracker()
    tracker.received(5)
    tracker.finished(5)
    tracker.committed(6)
    assert tracker.committable() is None


def test_offsets_that_were_compacted_away_do_not_hold_anything_back() -> None:
    tracker = OffsetTracker()
    for offset in (3, 40, 41):
        tracker.received(offset)
        tracker.finished(offset)
    assert tracker.committable() == 42


@given(st.sets(st.integers(0, 60), min_size=1), st.data())
def test_everything_before_the_committable_offset_is_finished(
    offsets: set[int], data: st.DataObject
) -> None:
    tracker = OffsetTracker()
    received = sorted(offsets)
    for offset in received:
        tracker.received(offset)
    finished = data.draw(st.sets(st.sampled_from(received)))
    for offset in data.draw(st.permutations(sorted(finished))):
        tracker.finished(offset)
    committable = tracker.committable()
    assert committable is not None
    assert {offset for offset in received if offset < committable} <= finished
    assert committable in offsets - finished or committable == received[-1] + 1
