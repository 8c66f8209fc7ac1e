"""`aiops incidents` and `aiops silences`, over a Redis, with the function that obeys."""

import json
from uuid import uuid4

import pytest

from aiops.adapters.keys import Keys
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_incidents import RedisIncidents
from aiops.clock import SystemClock
from aiops.topics import CONTROL
from local import wishes
from local.cli import main
from tests.property import correlate_world as world


class Desk:
    """Somebody at the command line, and `correlate`, which gets what was wished."""

    def __init__(self, redis_url, monkeypatch, capsys):
        self.capsys = capsys
        generation = f"t{uuid4().hex}"
        self.places = ["--redis-url", redis_url, "--domain", "test", "--generation", generation]
        store = RedisIncidents(connect(redis_url), Keys(f"{generation}:"), "test")
        self.published, self.clock = MemoryPublisher(), SystemClock()
        self.handler = world.make(store, MemoryPublisher(), self.clock)
        monkeypatch.setattr(wishes, "KafkaPublisher", lambda _: self.published)

    def run(self, *words, says=False, status=0):
        more = ["--bootstrap-servers", "127.0.0.1:1", "--by", "ann"] if says else []
        assert main([*words, *self.places, *more]) == status
        for message in self.published.take(CONTROL):
            self.handler(message.event)
        return self.capsys.readouterr().out

    def listed(self, *words):
        found = json.loads(self.run("incidents", "ls", *words, "--json"))["incidents"]
        return {tuple(one["services"]): one for one in found}

    def fault(self, *services):
        now = (self.clock.now() - world.START) // 1000
        found = [world.anomaly(service, now) for service in services]
        self.handler(world.detected(found, now, self.clock.now()))
        return {one["services"][0]: one["id"] for one in self.listed().values()}


@pytest.fixture
def desk(redis_url, monkeypatch, capsys):
    return Desk(redis_url, monkeypatch, capsys)


def test_what_goes_on_is_listed_and_one_incident_shown_by_the_beginning_of_its_id(desk):
    assert desk.run("incidents", "ls") == "nothing goes on\n"
    name = desk.fault("a", "b")["a"]
    (line,) = desk.run("incidents", "ls").splitlines()
    assert line.startswith(name[:8])
    assert "open" in line
    shown = desk.run("incidents", "show", name[:6])
    assert f"id          {name}" in shown
    assert "services    a, b" in shown
    assert "suspect 1" in shown
    assert json.loads(desk.run("incidents", "show", name, "--json"))["id"] == name


def test_an_incident_nobody_knows_is_a_problem_found(desk, capsys):
    assert desk.run("incidents", "show", "nobody", status=1) == ""


def test_an_id_that_stands_for_several_is_wrong_usage(desk):
    desk.fault("a", "f")
    assert main(["incidents", "show", "", *desk.places]) == 2


def test_commands_are_published_and_obeyed(desk):
    name = desk.fault("a")["a"]
    for word, status in (("ack", "acknowledged"), ("resolve", "resolved"), ("reopen", "open")):
        assert name[:8] in desk.run("incidents", word, name[:8], says=True)
        assert desk.listed("--all")["a",]["status"] == status
        shown = desk.run("incidents", "show", name)
        assert ("taken on    by ann" in shown) == (status == "acknowledged")
        assert ("Z by ann" in shown) == (status == "resolved")
    desk.run("incidents", "resolve", name, says=True)
    assert desk.listed() == {}
    assert desk.listed("--all")["a",]["id"] == name


def test_several_incidents_are_told_the_same_at_once_and_who_is_unknown_is_named(desk):
    names = desk.fault("a", "f")
    told = json.loads(
        desk.run("incidents", "ack", names["a"], names["f"], names["a"], "--json", says=True)
    )
    assert [one["incident"] for one in told["commands"]] == [names["a"], names["f"]]
    assert {one["status"] for one in desk.listed().values()} == {"acknowledged"}
    desk.run("incidents", "resolve", names["a"], "ffffffff", says=True, status=1)
    assert list(desk.listed()) == [("f",)]


def test_an_incident_is_silenced_for_a_while_and_that_is_taken_back(desk):
    name = desk.fault("a")["a"]
    told = json.loads(
        desk.run(
            "incidents", "silence", name, "--for", "2h", "--reason", "known", "--json", says=True
        )
    )
    assert told["until"] - told["given_at"] == 7_200_000
    (silence,) = desk.listed()["a",]["silences"]
    assert (silence["ends"], silence["given_by"], silence["reason"]) == (
        told["until"], "ann", "known"
    )  # fmt: skip
    assert "silenced" in desk.run("incidents", "ls")
    desk.run("incidents", "silence", name, "--lift", says=True)
    assert desk.listed()["a",]["silences"] == []


def test_a_maintenance_window_is_given_listed_and_lifted(desk):
    desk.fault("cart", "pay")
    assert desk.run("silences", "ls") == "no silence holds\n"
    line = desk.run(
        "silences", "give", "--service", "ca*", "--label", "service=c*", "--for", "30m",
        "--reason", "new disks", says=True,
    )  # fmt: skip
    assert desk.run("silences", "ls") == line
    assert "service=ca* metric=* service=c*  by ann: new disks" in line
    silenced = {name for (name,), one in desk.listed().items() if one["silences"]}
    assert silenced == {"cart"}
    assert desk.run("silences", "lift", line[:8], says=True).startswith("lifted: ")
    assert desk.run("silences", "ls") == "no silence holds\n"
    (known,) = json.loads(desk.run("silences", "ls", "--all", "--json"))["silences"]
    assert known["lifted"]["lifted_by"] == "ann"
    assert desk.run("silences", "lift", "nobody", says=True, status=1) == ""


@pytest.mark.parametrize(
    "words",
    [
        ["incidents", "silence", "x", "--for", "soon"],
        ["incidents", "silence", "x", "--for", "0h"],
        ["silences", "give", "--label", "rack"],
        ["incidents"],
    ],
)
def test_wrong_usage_is_said_so(words):
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2


def test_without_a_place_nothing_is_done(monkeypatch):
    assert main(["incidents", "ls", "--redis-url", ""]) == 2
    assert main(["silences", "give", "--bootstrap-servers", ""]) == 2
