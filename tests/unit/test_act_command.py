"""`aiops act`, over a Redis, with the function that obeys."""

import json
from uuid import uuid4

import pytest

from aiops.adapters.keys import Keys
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.redis_action_log import RedisActionLog
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_rails import RedisRails
from aiops.events import RunJudged
from aiops.rails import Ending, change_rails, settle
from aiops.topics import CONTROL
from local import wishes
from local.cli import main
from tests.function.test_act_runbooks import RUN, Act
from tests.incidents import START


class Desk:
    """Somebody at the command line, and `act`, which gets what was said."""

    def __init__(self, redis_url, monkeypatch, capsys):
        self.capsys = capsys
        generation = f"t{uuid4().hex}"
        self.places = ["--redis-url", redis_url, "--domain", "test", "--generation", generation]
        client, keys = connect(redis_url), Keys(f"{generation}:")
        self.rails, self.published = RedisRails(client, keys), MemoryPublisher()
        log = RedisActionLog(client, keys)
        self.act = Act(log=log, rails=self.rails, min_approvers=2)
        monkeypatch.setattr(wishes, "KafkaPublisher", lambda _: self.published)

    def run(self, *words, by="", status=0):
        more = ["--bootstrap-servers", "127.0.0.1:1", "--by", by] if by else []
        assert main(["act", *words, *self.places, *more]) == status
        for message in self.published.take(CONTROL):
            assert message.event.type == RunJudged.type
            self.act.handler(message.event)
        return self.capsys.readouterr()


@pytest.fixture
def desk(redis_url, monkeypatch, capsys):
    return Desk(redis_url, monkeypatch, capsys)


def test_runs_are_listed_and_one_is_shown_by_the_beginning_of_its_id(desk):
    assert desk.run("runs").out == "no runs\n"
    desk.act.tell()
    (line,) = desk.run("runs").out.splitlines()
    assert line.startswith(RUN[:8])
    assert "awaiting" in line
    assert "restart: touch Deployment payments/cart" in line
    shown = desk.run("show", RUN[:6]).out
    assert f"id          {RUN}" in shown
    assert "proposed: it answers the likeliest cause" in shown
    found = json.loads(desk.run("runs", "--json").out)
    assert [(one["id"], one["state"]) for one in found["runs"]] == [(RUN, "awaiting")]
    assert found["paused"] is None


def test_two_people_approve_at_the_command_line_and_it_is_done(desk):
    desk.act.tell()
    desk.run("approve", RUN[:8], by="ann")
    desk.run("approve", RUN[:8], by="ann")
    assert desk.act.operation.done == []
    desk.run("approve", RUN[:8], by="bob")
    assert len(desk.act.operation.done) == 1
    assert [one.by for one in desk.act.run.approvals] == ["cli:ann", "cli:bob"]
    said = desk.run("approve", RUN[:8], by="eve", status=1)
    assert "is verifying" in said.err


def test_one_person_rejects_and_it_is_not_done(desk):
    desk.act.tell()
    desk.run("reject", RUN, by="ann")
    assert (desk.act.run.state, desk.act.operation.done) == ("rejected", [])


def test_an_unknown_run_is_said_to_be_so(desk):
    assert "no run 0123" in desk.run("approve", "0123", by="ann", status=1).err


def test_pause_stops_everything_until_resume(desk):
    desk.run("pause", "--reason", "a storm", by="ann")
    desk.act.tell()
    assert desk.act.operation.checked == []
    listed = desk.run("runs").out
    assert listed.startswith("paused by ann since ")
    assert "a storm" in listed
    assert json.loads(desk.run("runs", "--json").out)["paused"]["by"] == "ann"
    desk.run("resume", by="ann")
    desk.act.tick()
    assert len(desk.act.operation.checked) == 1


def test_a_breaker_is_closed_by_name(desk):
    ending = Ending("one", "restart", ("x",), failed=True, at=START, rest_ms=0)
    change_rails(desk.rails, lambda state: settle(state, ending, START))
    assert desk.rails.read().breakers["restart"].counted()
    assert desk.run("close", "restart", by="ann").out == "closed: restart\n"
    assert not desk.rails.read().breakers["restart"].counted()
