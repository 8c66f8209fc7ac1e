"""Incidents of the past that are like one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops.events import CommandGiven
from functions.correlate import incident
from functions.correlate.config import CorrelateConfig
from functions.correlate.fingerprint import (
    MOST_MARKS,
    REMEMBERED,
    Archive,
    likeness,
    marks_of,
    past_of,
)
from tests.property.correlate_world import START, anomaly

CONFIG = CorrelateConfig()
DAY = 24 * 3_600


def record(*anomalies, name="i", **parts):
    found = incident.of_anomalies(name, "test", anomalies, (), CONFIG)
    return found.model_copy(update=parts)


def over(*services, name="old", days=1, **parts):
    ended = START - days * DAY * 1000
    parts = {"status": "resolved", "resolved_at": ended, "notified_at": ended} | parts
    return past_of(record(*(anomaly(s, 0) for s in services), name=name, **parts), f"{name}!")


def test_an_incident_is_made_of_service_metric_and_template_weighed_by_the_score():
    marks = marks_of(
        record(anomaly("a", 0, ratio=2.0), anomaly("a", 9, ratio=4.0, template="t")).evidence
    )
    assert list(marks.values()) == [0.75]
    marks = marks_of(record(anomaly("a", 0), anomaly("b", 0, ratio=1.0)).evidence)
    assert marks == {"a\x1flatency\x1f": 0.5, "b\x1flatency\x1f": 0.05}


def test_of_many_series_the_strongest_are_the_fingerprint():
    many = record(*(anomaly(f"s{n}", 0, ratio=1.1 + n) for n in range(MOST_MARKS + 9)))
    marks = marks_of(many.evidence)
    assert len(marks) == MOST_MARKS
    assert "s0\x1flatency\x1f" not in marks


MARKS = st.dictionaries(st.sampled_from("abcdef"), st.floats(0.05, 1), max_size=6)


@given(MARKS, MARKS)
def test_likeness_is_a_symmetric_share_and_whole_only_for_the_same(one, other):
    share = likeness(one, other)
    assert 0 <= share <= 1
    assert share == likeness(other, one)
    assert (share == 1) == (one == other and bool(one))
    assert (share == 0) == (not one.keys() & other.keys())


def test_the_most_alike_are_listed_the_latest_of_equal_ones_first_at_most_three():
    archive = Archive(
        [
            over("a", "b", name="same", days=9),
            over("a", "b", name="again", days=2),
            over("a", "b", "c", name="more"),
            over("a", name="less"),
            over("f", name="other"),
        ]
    )
    found = archive.like(record(anomaly("a", 0), anomaly("b", 0)))
    assert [(one.incident, one.similarity) for one in found] == [
        ("again", 1.0), ("same", 1.0), ("more", 0.667)
    ]  # fmt: skip
    assert found[0].title == "again!"


def test_too_little_in_common_the_incident_itself_and_what_is_long_past_are_left_out():
    archive = Archive([over("a", *"cdef", name="far"), over("a", name="i")])
    assert archive.like(record(anomaly("a", 0))) == ()
    days = REMEMBERED // (DAY * 1000)
    archive = Archive([over("a", name="just", days=days), over("a", name="gone", days=days + 1)])
    assert [one.incident for one in archive.like(record(anomaly("a", 0)))] == ["just"]


def test_only_what_people_were_told_of_and_is_over_is_kept():
    assert over("a", notified_at=None) is None
    assert over("a", status="open", resolved_at=None) is None
    assert over("a", status="merged", resolved_at=None) is None


@pytest.mark.parametrize(("given_at", "by"), [(START - DAY * 1000, "ann"), (START - 5, "")])
def test_how_it_ended_is_kept(given_at, by):
    said = CommandGiven(incident="old", command="resolve", given_by="ann", given_at=given_at)
    assert over("a", orders=(said,)).ended_by == by
