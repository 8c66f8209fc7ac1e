"""The order of a run, with everything around it played."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from aiops.events import CommandGiven, TopologyObserved
from local.chaos import duel, run
from local.chaos.duel import Duel
from local.chaos.outcome import Outcome
from local.chaos.resting import Unsettled
from local.chaos.run import Run
from local.chaos.timeline import Timeline
from local.cli import main
from tests.unit.test_chaos_compare import outcome
from tests.unit.test_chaos_verdict import result

NOW = 1_770_000_000_000


@dataclass
class Stage:
    """What is up, told apart from what is done."""

    done: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.setting = SimpleNamespace(timeline=Timeline.before(NOW, 8.0), seed=1)
        self.clock = SimpleNamespace(run=lambda start, limit: self.done.append("clock"))
        self.redelivery = SimpleNamespace(calm=lambda: self.done.append("calm"), counts=Counter())
        self.pipeline = SimpleNamespace(
            restart_ended=list, counts={}, folder=Path("/nowhere"), processes={}
        )
        self.receiver = SimpleNamespace(messages=(), refusals=())
        self.redis = SimpleNamespace(description="Redis")
        self.kafka = SimpleNamespace(bootstrap="", description="Kafka")
        self.links = {}
        self.servers = {}


@dataclass
class Feed:
    """Sends nothing, and says so."""

    done: list[str]
    running: bool = False
    events: int = 5
    samples: int = 50
    seconds: float = 1.0
    sent: list = field(default_factory=list)

    def start(self, slices) -> None:
        self.done.append("input")

    def send(self, messages) -> None:
        self.sent += messages

    def close(self) -> None:
        self.done.append("closed")


@dataclass
class Resting:
    """Is at rest at once, unless told to get stuck."""

    done: list[str]
    stuck: str = ""

    def __getattr__(self, name: str):
        def rest(*_: object) -> object:
            self.done.append(name)
            if name == self.stuck:
                raise Unsettled("never")
            return outcome() if name == "stored" else {} if name == "left" else []

        return rest

    def read(self, found: Outcome) -> None:
        self.done.append("read")


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch):
    def start(stuck: str = "") -> tuple[Run, list[str]]:
        stage = Stage()
        monkeypatch.setattr(run, "Feed", lambda *_: Feed(stage.done))
        monkeypatch.setattr(run, "Resting", lambda *_: Resting(stage.done, stuck))
        one = Run(stage, SimpleNamespace(slices=lambda act: ()), wild=False, patience=1.0,
                  say=lambda phase, run: None)  # fmt: skip
        return one, stage.done

    return start


def test_two_acts_are_sent_and_each_is_told_and_resolved_before_the_next_step(play) -> None:
    one, done = play()
    found = one.play()
    steps = [what for what in done if what in {"input", "correlated", "told", "resolved", "acted"}]
    assert steps == ["input", "correlated", "told", "resolved"] * 2 + ["acted"]
    assert done.index("clock", done.index("correlated")) < done.index("told")
    assert done[-1] == "closed"
    assert found.unsettled == ""
    assert next(iter(found.seconds)) == "topology"
    assert (found.events, found.servers) == (5, ("Redis", "Kafka"))


def test_correlate_is_told_who_calls_whom_and_people_give_their_orders(play) -> None:
    one, _ = play()
    one.play()
    kinds = Counter(message.event.type for message in one.feed.sent)
    assert kinds[TopologyObserved.type] == 1
    assert set(kinds) <= {TopologyObserved.type, CommandGiven.type}


def test_what_never_comes_to_rest_ends_the_run_and_what_there_is_is_read(play) -> None:
    one, done = play("told")
    found = one.play()
    assert found.unsettled == "told: never"
    assert done.index("read") > done.index("told")
    assert done.count("input") == 1


@pytest.fixture
def fought(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Let runs end at once, those under fire in what is given for them."""
    settings = []

    def fight(**wild: Outcome) -> list:
        def played(setting, workload, **_: object):
            settings.append(setting)
            name = setting.folder.name
            came = result()
            came.outcome = wild.get(name, outcome()) if name != "calm" else outcome()
            return came

        monkeypatch.setattr(duel, "play", played)
        monkeypatch.setattr(duel, "apache_kafka", lambda: None)
        monkeypatch.setattr(duel.tempfile, "mkdtemp", lambda prefix: str(tmp_path))
        return settings

    return fight


def test_the_same_seed_and_times_are_played_twice_and_in_peace_only_once(fought) -> None:
    settings = fought()
    one = Duel(7, 8.0, lambda phase, run: None)
    assert one.fight().clean
    assert one.fight("forgets_what_it_has_seen").clean
    assert [setting.folder.name for setting in settings] == [
        "calm", "wild", "forgets_what_it_has_seen"
    ]  # fmt: skip
    assert len({(setting.seed, setting.timeline) for setting in settings}) == 1
    assert "AIOPS_MUTATION" in settings[2].environ
    assert settings[1].environ == {}


def test_a_clean_run_exits_with_0_and_leaves_nothing(
    fought, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fought()
    assert main(["chaos", "--seed", "3"]) == 0
    assert "nothing differs" in capsys.readouterr().out
    assert not tmp_path.exists()


def test_a_difference_exits_with_1_and_keeps_the_logs(
    fought, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fought(wild=Outcome())
    assert main(["chaos", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["differences"]["anomalies"] == 2
    assert found["folder"] == str(tmp_path)
    assert (tmp_path / "wild").exists()


def test_of_several_mutations_each_must_make_a_difference(
    fought, capsys: pytest.CaptureFixture[str]
) -> None:
    fought(loses_redirects=Outcome())
    several = ["--mutation", "loses_redirects", "--mutation", "clears_before_publishing"]
    assert main(["chaos", *several]) == 1
    said = capsys.readouterr()
    assert "1 of 2 mutations caught" in said.out
    assert "clears_before_publishing: NOT CAUGHT" in said.err
