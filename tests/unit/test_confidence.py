"""How sure it is that a suspect is the cause."""

import json
from itertools import permutations
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops import topics
from aiops.adapters.keys import Keys
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_incidents import RedisIncidents
from aiops.errors import Misconfigured
from aiops.events import CauseJudged, Suspect
from aiops.incident_store import Commit, Horizon
from aiops.verdicts import CauseGiven
from functions.act import wording
from functions.correlate.confidence import BANDS, ENOUGH, Confidence, band, wilson
from local.cli import main
from local.commands import verdict as command
from tests import incidents

SERVICES = ("a", "b", "c")
HIGH, LOW = 9.0, 1.1


def said(cause, score=HIGH, ranker="evidence", suspects=SERVICES, incident="i"):
    return CauseGiven(incident, cause, ranker, suspects, score, "ann", 1)


def named(*scores):
    return tuple(
        Suspect(service=name, metric="", score=score, reasons=())
        for name, score in zip(SERVICES, scores, strict=False)
    )


STRONG, WEAK = named(9.0, 1.0, 0.5), named(1.1, 1.0, 0.9)


def told(verdicts, suspects=STRONG):
    return Confidence.of(verdicts, "evidence").told(suspects)


@pytest.mark.parametrize(
    ("score", "expected"),
    [(-1.0, 0), (0.0, 0), (0.99, 0), (1.0, 1), (1.99, 1), (2.0, 2), (7.9, 3), (1e9, BANDS - 1)],
)
def test_scores_are_as_high_as_others_up_to_the_next_power_of_two(score, expected):
    assert band(score) == expected


def test_without_verdicts_nothing_is_said_of_a_suspect():
    assert told(()) == STRONG


@pytest.mark.parametrize(("count", "words"), [(1, "1 verdict"), (ENOUGH - 1, "9 verdicts")])
def test_few_verdicts_are_too_few_to_say_and_that_is_told(count, words):
    for one in told([said("a")] * count):
        assert one.confidence is None
        assert one.confidence_reason == f"{words} so far: too few to say"


def test_from_enough_verdicts_on_the_share_that_was_right_is_told_with_its_interval():
    first, second, third = told([said("a")] * 9 + [said("b")] * 2 + [said(None)])
    assert first.confidence == pytest.approx(9.5 / 14, abs=1e-3)
    assert first.confidence_reason == (
        "the first suspect was the cause in 9 of 12 incidents that scored 8 to 16"
        " (47% to 91% at 95 %), 9 of 12 in all"
    )
    assert second.confidence == pytest.approx(2.5 / 14, abs=1e-3)
    assert third.confidence == pytest.approx(0.5 / 14, abs=1e-3)


def test_incidents_whose_first_suspect_scored_as_high_are_compared():
    verdicts = [said("a")] * 12 + [said("b", LOW)] * 12
    high, low = told(verdicts)[0], told(verdicts, WEAK)[0]
    assert high.confidence > 0.6
    assert low.confidence < 0.3
    assert "12 of 12 incidents that scored 8 to 16" in high.confidence_reason


def test_a_score_that_was_never_judged_is_drawn_to_all_that_were():
    narrow = told([said("a")] * 12, WEAK)[0]
    assert 0.5 < narrow.confidence < 1
    assert narrow.confidence_reason.endswith("12 of 12 incidents, none of which scored 1 to 2")


def test_what_another_ranker_named_teaches_nothing():
    assert told([said("a", ranker="robust")] * 30) == STRONG


def test_a_service_that_was_not_suspected_speaks_against_all_who_were():
    assert told([said("z")] * 20)[0].confidence < 0.05


VERDICTS = st.lists(
    st.builds(said, st.sampled_from(("a", "b", "c", "z", None)), st.sampled_from((HIGH, LOW))),
    min_size=ENOUGH,
    max_size=40,
)


@given(VERDICTS, st.sampled_from((STRONG, WEAK)))
def test_suspects_share_what_there_is_to_be_sure_of(verdicts, suspects):
    found = [one.confidence for one in told(verdicts, suspects)]
    assert all(0 < one < 1 for one in found)
    assert sum(found) <= 1.0015


@given(VERDICTS)
def test_another_verdict_for_the_first_suspect_never_makes_it_less_likely(verdicts):
    before, after = told(verdicts)[0], told([*verdicts, said("a")])[0]
    assert after.confidence >= before.confidence


def test_the_order_of_verdicts_does_not_matter():
    verdicts = [said("a")] * 8 + [said("b"), said("c", LOW), said(None)]
    orders = [order[:3] for order in permutations(verdicts[8:])]
    assert len({told([*verdicts[:8], *order]) for order in orders}) == 1


def test_the_interval_is_wilsons():
    assert wilson(9, 12) == pytest.approx((0.4677, 0.9111), abs=1e-3)
    assert wilson(0, 1)[0] == 0.0
    assert wilson(5, 5)[1] == 1.0


def test_people_read_how_sure_it_is_or_that_nobody_can_say():
    plain = incidents.suspect("cart")
    assert wording.sure(plain) == "no verdicts on causes so far"
    few = plain.model_copy(update={"confidence_reason": "3 verdicts so far: too few to say"})
    assert wording.sure(few) == "3 verdicts so far: too few to say"
    known = few.model_copy(update={"confidence": 0.734, "confidence_reason": "9 of 12"})
    assert wording.sure(known) == "73%: 9 of 12"


class Broker(MemoryPublisher):
    """Stands in for the real one of the command."""

    def __call__(self, servers):
        assert servers == "kafka:9092"
        return self


def options(**changes):
    values = {
        "subject": incidents.ID,
        "verdict": None,
        "cause": "cart",
        "by": "ann",
        "bootstrap_servers": "kafka:9092",
        "json": False,
    }
    return type("Options", (), values | changes)


@pytest.fixture
def broker(monkeypatch):
    stand_in = Broker()
    known = {incidents.ID: incidents.incident()}
    monkeypatch.setattr(command, "KafkaPublisher", stand_in)
    monkeypatch.setattr(command, "incident", lambda servers, name: known.get(name))
    return stand_in


def test_the_command_publishes_what_the_cause_was(broker, capsys):
    assert command.run(options()) == 0
    assert capsys.readouterr().out.startswith("cause: cart; cart, checkout was suspected of ")
    assert command.run(options(cause="none", json=True)) == 0
    assert json.loads(capsys.readouterr().out)["cause"] is None
    first, second = broker.topics[topics.CONTROL]
    fact = CauseJudged.model_validate_json(first.event.data)
    assert (fact.incident, fact.cause, fact.given_by) == (incidents.ID, "cart", "ann")
    assert (first.event.type, first.key) == (CauseJudged.type, incidents.ID)
    assert first.event.id != second.event.id


def test_the_command_finds_no_incident_nobody_published(broker, capsys):
    assert command.run(options(subject="what")) == 1
    assert capsys.readouterr().err == "aiops verdict: no incident what\n"
    assert not broker.topics[topics.CONTROL]


@pytest.mark.parametrize("both", [{"cause": ""}, {"verdict": "anomaly"}])
@pytest.mark.usefixtures("broker")
def test_the_command_takes_a_verdict_or_a_cause_not_both_and_not_neither(both):
    with pytest.raises(Misconfigured, match="verdict on an anomaly, or the --cause"):
        command.run(options(**both))


def test_the_verdicts_in_force_are_printed_with_whether_the_first_suspect_was_right(
    redis_url, capsys
):
    generation = uuid4().hex
    store = RedisIncidents(connect(redis_url), Keys(f"{generation}:"), "shop")
    given = (said("a", incident="i1"), said(None, incident="i2"))
    store.commit(Commit(0, 1, 0, 0, Horizon(0, 0, 0, 0), causes=given))
    where = ["--redis-url", redis_url, "--generation", generation]
    assert main(["verdicts", "causes", "--domain", "shop", *where]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "incident,cause,suspects,right,score,ranker,given_by,given_at",
        "i1,a,a b c,1,9.0,evidence,ann,1970-01-01T00:00:00.001Z",
        "i2,,a b c,0,9.0,evidence,ann,1970-01-01T00:00:00.001Z",
    ]
    assert main(["verdicts", "causes", "--domain", "other", *where]) == 1
