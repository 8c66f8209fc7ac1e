"""Silences: what is known of them, and which incidents they cover."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aiops.events import (
    ChangeObserved,
    CommandGiven,
    Silenced,
    SilenceGiven,
    SilenceLifted,
    Suspect,
)
from aiops.silences import Silence, ended_in_silence, silenced_at
from functions.correlate import incident
from functions.correlate.config import CorrelateConfig
from functions.correlate.silencing import covers, silences_of
from tests import incidents
from tests.property.correlate_world import START, anomaly

CONFIG = CorrelateConfig()


def ms(second: int) -> int:
    return START + second * 1000


def silence(name="s", starts=0, ends=100, at=0, **parts) -> SilenceGiven:
    values = {
        "silence": name,
        "domain": "test",
        "starts": ms(starts),
        "ends": ms(ends),
        "given_by": "ann",
        "given_at": ms(at),
    }
    return SilenceGiven(**values | parts)


def lifted(at: int, name="s") -> SilenceLifted:
    return SilenceLifted(silence=name, domain="test", lifted_by="bob", lifted_at=ms(at))


def record(*anomalies, cause: str | None = None, metric="latency", orders=(), **parts):
    found = incident.of_anomalies("i", "test", anomalies, (), CONFIG)
    suspects = (Suspect(service=cause, metric=metric, score=1, reasons=()),) if cause else ()
    return found.model_copy(update={"root_cause": suspects, "orders": orders, **parts})


def cover(found, *given, changes=(), maintenance=None):
    silences = [one if isinstance(one, Silence) else Silence(given=one) for one in given]
    return silences_of(found, silences, changes, maintenance or {})


TOLD = (
    Silence(given=silence(ends=100, at=0)),
    Silence(given=silence(ends=300, at=50)),
    Silence(lifted=lifted(40)),
    Silence(lifted=lifted(70)),
    Silence(given=silence(ends=200, at=60)),
)


def test_giving_giving_anew_and_lifting_come_to_the_same_in_any_order_and_however_often():
    expected = Silence(given=silence(ends=200, at=60), lifted=lifted(70))
    for order in permutations(TOLD):
        known = order[0]
        for one in (*order[1:], order[0]):
            known = known.joined(one)
        assert known == expected


def test_a_lifted_silence_ends_then_and_one_given_later_holds_again():
    assert Silence(given=silence()).in_force() == silence()
    assert Silence(given=silence(), lifted=lifted(40)).in_force().ends == ms(40)
    assert Silence(given=silence(), lifted=lifted(400)).in_force().ends == ms(100)
    assert Silence(given=silence(starts=50), lifted=lifted(40)).in_force() is None
    assert Silence(given=silence(at=60), lifted=lifted(40)).in_force() == silence(at=60)
    assert Silence(lifted=lifted(40)).in_force() is None


def test_a_silence_that_ends_before_it_starts_is_none():
    with pytest.raises(ValidationError, match="not after it starts"):
        silence(starts=5, ends=5)


@pytest.mark.parametrize(
    ("given", "covered"),
    [
        (silence(), True),
        (silence(service="cart"), True),
        (silence(service="ca*"), True),
        (silence(service="db"), False),
        (silence(service="shop"), False),
        (silence(service="cart", metric="latency"), True),
        (silence(service="cart", metric="cpu"), False),
        (silence(service="cart", labels={"zone": "a"}), True),
        (silence(service="cart", labels={"zone": "b*"}), False),
        (silence(service="cart", labels={"rack": ""}), True),
    ],
)
def test_a_silence_covers_what_has_its_likeliest_cause_in_what_it_names(given, covered):
    found = record(
        anomaly("cart", 0, labels={"service": "cart", "zone": "a"}),
        anomaly("shop", 10),
        cause="cart",
    )
    assert covers(given, found) is covered


def test_a_silence_of_all_the_evidence_covers_whatever_is_suspected():
    found = record(anomaly("cart", 0), anomaly("cart-db", 10), cause="mesh", metric="")
    assert covers(silence(service="cart*"), found)
    assert covers(silence(service="mesh"), found)
    assert not covers(silence(service="mesh", metric="cpu"), found)
    assert not covers(silence(service="cart"), found)


def test_a_second_fault_that_is_the_likelier_cause_is_not_covered():
    found = record(anomaly("cart", 0), anomaly("db", 10), cause="db")
    assert cover(found, silence(service="cart")) == ()


def test_only_silences_that_meet_the_life_of_an_incident_are_listed_the_last_to_end_first():
    found = record(anomaly("a", 100), resolved_at=ms(200), status="resolved")
    listed = cover(
        found,
        silence("before", ends=100),
        silence("short", ends=150),
        silence("long", starts=150, ends=900),
        silence("after", starts=200, ends=900),
    )
    assert [one.silence for one in listed] == ["long", "short"]


def test_many_silences_leave_those_that_end_last():
    listed = cover(record(anomaly("a", 1)), *(silence(str(n), ends=100 + n) for n in range(20)))
    assert [one.silence for one in listed] == [str(n) for n in range(19, 11, -1)]


def test_the_silence_of_one_incident_is_its_newest_command_and_may_be_taken_back():
    def order(at, until):
        return CommandGiven(
            incident="i", command="silence", given_by="ann", given_at=ms(at), until=ms(until)
        )

    found = record(anomaly("a", 0), orders=(order(10, 70),))
    (one,) = cover(found)
    assert (one.silence, one.starts, one.ends, one.given_by) == ("i", ms(10), ms(70), "ann")
    assert cover(record(anomaly("a", 0), orders=(order(20, 20),))) == ()


def test_a_silence_without_an_end_and_an_end_without_a_silence_are_refused():
    for command, until in (("silence", None), ("resolve", 5)):
        with pytest.raises(ValidationError, match="until"):
            CommandGiven(incident="i", command=command, given_by="a", given_at=1, until=until)


def test_a_change_of_a_configured_kind_opens_a_window_for_the_service_that_can_be_lifted():
    found = record(anomaly("cart[1]", 50), cause="cart[1]")
    changes = [
        ChangeObserved(service=service, kind=kind, observed_at=ms(10), summary="v7")
        for service, kind in (("cart[1]", "deploy"), ("cart[1]", "scaling"), ("", "deploy"))
    ]
    (one,) = cover(found, changes=changes, maintenance={"deploy": 600})
    assert (one.starts, one.ends, one.given_by) == (ms(10), ms(610), "a deploy")
    assert cover(found, changes=changes) == ()
    end = Silence(lifted=SilenceLifted(
        silence=one.silence, domain="test", lifted_by="bob", lifted_at=ms(90)
    ))  # fmt: skip
    assert cover(found, end, changes=changes, maintenance={"deploy": 600})[0].ends == ms(90)


@given(st.permutations(range(5)), st.integers(0, 5))
def test_what_covers_an_incident_does_not_depend_on_the_order_of_silences(order, count):
    silences = [silence(str(n), starts=n % 3, ends=50 + n, service="ab*"[n % 3]) for n in range(5)]
    found = record(anomaly("a", 1), cause="a")
    expected = cover(found, *[silences[n] for n in sorted(order[:count])])
    assert cover(found, *[silences[n] for n in order[:count]]) == expected


def test_an_incident_is_silent_from_the_start_of_a_silence_until_before_its_end():
    windows = tuple(
        Silenced(silence=name, starts=START + a, ends=START + b, given_by="ann")
        for name, a, b in (("one", 10, 20), ("two", 15, 30))
    )
    told = incidents.incident(silences=windows)
    found = [silenced_at(told, START + at) for at in (9, 10, 16, 29, 30)]
    assert [one and one.silence for one in found] == [None, "one", "two", "two", None]
    assert ended_in_silence(told) is None
    over = told.model_copy(update={"resolved_at": START + 12})
    assert ended_in_silence(over).silence == "one"
