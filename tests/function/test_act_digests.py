"""Many incidents at once: who is told singly, what the digest says, and that nothing is lost."""

import json

import pytest

from aiops.digest import MOST_MEMBERS, desk_id
from aiops.events import INCIDENT_TYPES, Incident
from aiops.ids import derive
from functions.act.answer import answer_of
from functions.act.channel import Delivery
from local.receiver import Receiver
from tests.function.test_act import Act, Scripted
from tests.incidents import START, incident, suspect
from tests.sending import local_sender

SLACK = {"channel": "slack", "grouping": {"first": 2, "within": 300, "wait": 30, "every": 600}}


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


class Burst(Act):
    """Many incidents, told by their number."""

    def tell(self, number, version=1, **changes):
        snapshot = self.snapshot(number, version, **changes)
        return self.event(INCIDENT_TYPES[1], snapshot.model_dump_json().encode())

    def snapshot(self, number, version=1, **changes):
        name = f"service-{number}"
        values = {
            "id": derive("incident", number),
            "title": f"{name}: cpu",
            "services": (name,),
            "root_cause": (suspect(name),),
            "evidence": (),
            "blast_radius": (),
            "severity": 3,
        }
        return incident(version, **values | changes)

    def steps(self, number):
        return self.log.read(derive("incident", number)).steps

    def digest(self, receiver="slack"):
        record = self.log.read(desk_id(receiver))
        return [(s.kind, s.level, s.state) for s in record.steps]

    @property
    def desk(self):
        return self.log.read(desk_id("slack")).desk


class Noted:
    """The real sender, noting what it is asked to send."""

    def __init__(self):
        self.sender, self.bodies = local_sender(), []

    def send(self, request, *more):
        self.bodies.append((request.channel, json.loads(request.body)))
        return self.sender.send(request, *more)


def texts(act):
    return [body["text"] for channel, body in act.handler.performer.sender.bodies]


def act_of(receiver, *channels, sender=None, **config):
    return Burst(receiver.environment, sender or Noted(), channels=list(channels), **config)


def over(version=2):
    return {"version": version, "status": "resolved", "resolved_at": START + 60_000}


def test_the_first_are_told_singly_and_all_others_in_one_message(receiver):
    act = act_of(receiver, SLACK)
    for number in range(12):
        act.tell(number)
    assert len(receiver.messages) == 2
    act.tick(30)
    assert len(receiver.messages) == 3
    assert act.digest() == [("opened", 0, "done")]
    assert "10 incidents: service-11, service-10, service-9 and 7 more" in texts(act)[-1]
    members = [one.incident for one in act.desk.members]
    assert members == [derive("incident", number) for number in range(2, 12)]
    shown = json.dumps(act.handler.performer.sender.bodies[-1], ensure_ascii=False)
    assert "*Incidents*" in shown
    assert [name for name in members if f"incident {name[:8]}" in shown] == members
    assert "service-2: cpu (moderate, open) (since 12:00:00)" in shown


def test_a_message_that_cannot_list_all_incidents_of_a_digest_counts_the_rest(receiver):
    act = act_of(receiver, SLACK)
    for number in range(20):
        act.tell(number)
    act.tick(30)
    shown = json.dumps(act.handler.performer.sender.bodies[-1])
    assert "18 incidents" in shown
    assert "and 6 more incidents" in shown


def test_a_digest_that_grows_is_told_again_but_not_at_once(receiver):
    act = act_of(receiver, SLACK)
    for number in range(5):
        act.tell(number)
    act.tick(30)
    act.tell(5)
    act.tell(6)
    act.tick(60)
    assert act.digest() == [("opened", 0, "done")]
    act.tick(600)
    assert act.digest() == [("opened", 0, "done"), ("grown", 5, "done")]
    assert "5 incidents" in texts(act)[-1]
    act.tick(6_000)
    assert len(act.digest()) == 2


def test_a_digest_is_over_when_all_it_holds_is_and_the_next_burst_has_a_new_one(receiver):
    act = act_of(receiver, SLACK)
    for number in range(5):
        act.tell(number)
    act.tick(30)
    act.tell(2, **over())
    act.tell(3, **over())
    act.tick(60)
    assert len(act.digest()) == 1
    act.tell(4, **over())
    act.tick(60)
    assert act.digest() == [("opened", 0, "done"), ("resolved", 0, "done")]
    assert "3 incidents, all over" in texts(act)[-1]
    act.tick(3_600)
    for number in range(10, 14):
        act.tell(number)
    act.tick(30)
    said = act.log.read(desk_id("slack")).steps
    assert [(s.kind, s.generation) for s in said] == [("opened", 1), ("resolved", 1), ("opened", 2)]
    assert len({s.id for s in said}) == 3


def test_what_is_over_before_its_digest_is_told_is_told_once_as_over(receiver):
    act = act_of(receiver, SLACK)
    for number in range(4):
        act.tell(number)
    act.tell(2, **over())
    act.tell(3, **over())
    act.tick(60)
    assert act.digest() == [("resolved", 0, "done")]
    assert act.log.read(desk_id("slack")).due_at is None


def test_who_does_not_want_to_hear_of_what_is_over_is_not_told_and_the_digest_begins_anew(receiver):
    quiet = {**SLACK, "tell_of_ended": False}
    act = act_of(receiver, quiet)
    for number in range(4):
        act.tell(number)
    act.tell(2, **over())
    act.tell(3, **over())
    act.tick(60)
    assert act.digest() == []
    assert (act.desk.number, act.desk.members) == (2, ())
    assert act.log.read(desk_id("slack")).due_at is None


def test_an_old_word_that_comes_late_does_not_bring_an_incident_back(receiver):
    act = act_of(receiver, SLACK)
    for number in range(3):
        act.tell(number)
    first = act.steps(2)[0]
    old = act.snapshot(2)
    act.tick(30)
    act.tell(2, **over())
    act.tick(60)
    before = act.desk
    act.handler.desks.deliver(Delivery(first, old, 0), None)
    assert act.desk == before
    act.tell(3)
    act.handler.desks.deliver(Delivery(first, old, 0), None)
    assert [one.incident for one in act.desk.members] == [derive("incident", 3)]


def test_a_redelivered_event_keeps_its_first_answer(receiver):
    act = act_of(receiver, SLACK)
    for number in range(3):
        act.tell(number)
    rule = act.config.channels[0]
    key = f"{derive('incident', 0)}:1"
    assert act.handler.desks._admitted(rule, key, START + 1) == ""
    late = f"{derive('incident', 2)}:1"
    act.clock.ms += 1_000_000
    assert act.handler.desks._admitted(rule, late, act.clock.ms).startswith("3 began within 5 min")


def test_a_burst_that_is_over_lets_the_next_be_told_singly(receiver):
    act = act_of(receiver, SLACK)
    for number in range(3):
        act.tell(number)
    act.tick(400)
    act.tell(3)
    assert [s.digest for n in range(4) for s in act.steps(n)] == [False, False, True, False]


def test_pagerduty_has_one_alert_for_a_digest_and_resolves_it(receiver):
    pager = {"channel": "pagerduty", "grouping": {"first": 1}}
    act = act_of(receiver, pager)
    for number in range(4):
        act.tell(number)
    act.tick(30)
    for number in range(4):
        act.tell(number, **over())
    act.tick(60)
    alerts = [(m.key, m.kind) for m in receiver.messages]
    single, digest = derive("incident", 0), desk_id("pagerduty")
    assert alerts == [
        (single, "trigger"), (digest, "trigger"), (single, "resolve"), (digest, "resolve"),
    ]  # fmt: skip


def test_a_digest_that_gets_worse_says_so(receiver):
    act = act_of(receiver, SLACK)
    for number in range(4):
        act.tell(number)
    act.tick(30)
    act.tell(3, version=2, severity=4)
    act.tick(60)
    assert act.digest()[-1] == ("severity_raised", 4, "done")


def test_a_digest_is_tried_again_when_its_receiver_is_away(receiver):
    sender = Scripted(answer_of(200), answer_of(200), answer_of(503))
    act = act_of(receiver, SLACK, sender=sender)
    for number in range(5):
        act.tell(number)
    act.tick(30)
    assert act.digest() == [("opened", 0, "planned")]
    act.tick(60)
    assert act.digest() == [("opened", 0, "done")]


def test_a_storm_tells_digests_only_keeps_runbooks_and_ends_by_itself(receiver):
    act = act_of(receiver, {"channel": "slack"}, storm={"more_than": 3, "within": 600, "below": 4})
    for number in range(8):
        act.tell(number)
        act.clock.ms += 1_000
    act.tell(8, severity=4)
    singles = [n for n in range(9) if not act.steps(n)[0].digest]
    assert singles == [0, 1, 2, 8]
    assert act.handler.desks.storm_until("shop") == START + 8_000 + 600_000
    assert act.handler.desks.storm_until("elsewhere") == 0
    act.tick(60)
    said = act.log.read(desk_id("slack")).steps
    assert [s.kind for s in said] == ["opened"]
    assert "no runbook starts by itself until it is over" in said[0].reason
    act.tick(700)
    assert act.handler.desks.storm_until("shop") < act.clock.ms
    act.tell(20)
    assert not act.steps(20)[0].digest


def test_what_quiet_hours_put_off_is_one_message_in_the_morning(receiver):
    # START is 12:00 UTC.
    quiet = {"windows": ["10:00-13:00"], "summarise": True, "below": 5}
    act = act_of(receiver, {"channel": "slack", "quiet_hours": quiet})
    for number in range(3):
        act.tell(number)
    act.tell(0, **over())
    act.tick(1_800)
    assert receiver.messages == ()
    act.tick(1_800)
    assert act.digest() == [("opened", 0, "done")]
    assert "2 incidents: service-2, service-1" in texts(act)[0]
    assert len(act.desk.members) == 3


def test_what_quiet_hours_put_off_is_told_by_the_clock_when_they_end(receiver):
    quiet = {"windows": ["10:00-13:00"], "below": 5}
    act = act_of(receiver, {"channel": "slack", "quiet_hours": quiet})
    act.tell(0)
    assert act.due == [derive("incident", 0)]
    act.tick(3_599)
    assert receiver.messages == ()
    act.tick(1)
    assert len(receiver.messages) == 1
    assert act.due == []


def test_an_open_incident_is_told_again_by_the_clock_until_somebody_takes_it_on(receiver):
    act = act_of(receiver, {"channel": "slack", "repeat_every": 600})
    act.tell(0)
    act.tick(600)
    act.tick(600)
    assert ["Still going on" in text for text in texts(act)] == [False, True, True]
    act.tell(0, version=2, status="acknowledged")
    act.tick(600)
    assert act.due == []
    assert len(receiver.messages) == 4


def test_a_receiver_that_left_the_policy_leaves_nothing_due(receiver):
    act = act_of(receiver, SLACK)
    for number in range(4):
        act.tell(number)
    later = act_of(receiver, {"channel": "webhook"})
    for part in (later, later.handler, later.handler.performer, later.handler.desks):
        part.log, part.clock = act.log, act.clock
    later.tick(60)
    later.tick(60)
    assert act.due == []


def test_a_digest_never_holds_more_than_it_may_and_what_is_over_makes_room_first(receiver):
    act = act_of(receiver, {**SLACK, "grouping": {"first": 0, "within": 300}})
    for number in range(MOST_MEMBERS):
        act.tell(number)
    act.tick(30)
    act.tell(7, **over())
    act.tell(MOST_MEMBERS)
    names = {one.incident for one in act.desk.members}
    assert len(names) == MOST_MEMBERS
    assert derive("incident", 7) not in names
    assert derive("incident", MOST_MEMBERS) in names


def test_the_snapshot_of_a_digest_is_an_incident_like_any_other(receiver):
    act = act_of(receiver, SLACK, {"channel": "webhook", "grouping": {"first": 0}})
    for number in range(3):
        act.tell(number)
    act.tick(60)
    ((_, body),) = [one for one in act.handler.performer.sender.bodies if one[0] == "webhook"]
    told = Incident.model_validate_json(json.dumps(body["data"]["incident"]))
    assert told.id == desk_id("webhook")
    assert {one.peak.id for one in told.evidence} == {derive("incident", n) for n in range(3)}
