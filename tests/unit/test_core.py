"""The small parts everything rests on: clock, ids, plugins, settings, schemas, keys."""

import re
from pathlib import Path

import pytest

from aiops.adapters.keys import Keys
from aiops.clock import ManualClock, ScaledClock, SystemClock
from aiops.errors import Misconfigured
from aiops.events import Fact
from aiops.ids import derive
from aiops.plugins import available, load
from aiops.settings import Settings, read_config, secret
from local.commands.schemas import schemas

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {"REDIS_URL": "redis://r", "KAFKA_BOOTSTRAP_SERVERS": "k:9092"}


def test_a_scaled_clock_is_the_same_in_every_process_that_is_told_it() -> None:
    now = SystemClock().now()
    clock = ScaledClock(now - 1_000, 500_000, 60.0)
    again = ScaledClock.parse(str(clock))
    assert again == clock
    assert 560_000 <= clock.now() <= again.now() < 560_000 + 60 * 10_000


@pytest.mark.parametrize("text", ["", "1,2", "1,2,0", "1,2,-1", "1,2,nan", "a,b,c", "1,2,inf"])
def test_a_clock_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(Misconfigured, match="AIOPS_CLOCK"):
        ScaledClock.parse(text)


def test_a_manual_clock_stands_still() -> None:
    clock = ManualClock(5)
    assert (clock.now(), clock.now(), clock.rate) == (5, 5, 1.0)


def test_ids_depend_on_kind_and_parts_and_their_borders() -> None:
    assert derive("a", "b", 1) == derive("a", "b", "1")
    assert len({derive("a", "b", "c"), derive("a", "bc"), derive("ab", "c")}) == 3


def test_plugins_are_found_by_the_names_of_their_modules() -> None:
    assert {"baseline", "static"} <= set(available("functions.detect.detectors"))
    assert load("functions.detect.detectors", "static", "Detector").__name__ == "Detector"


def test_settings_have_defaults_where_that_is_safe() -> None:
    settings = Settings.from_env(ENVIRONMENT)
    assert (settings.domain, settings.generation, settings.config) == ("default", "", {})
    assert isinstance(settings.clock, SystemClock)


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_a_setting_that_is_missing_is_named(name: str) -> None:
    with pytest.raises(Misconfigured, match=f"^{name}: not set$"):
        Settings.from_env({key: value for key, value in ENVIRONMENT.items() if key != name})


def test_replicas_are_waited_for_only_where_that_is_asked_for() -> None:
    assert Settings.from_env(ENVIRONMENT).redis_wait == 0
    assert Settings.from_env(ENVIRONMENT | {"REDIS_WAIT": "2"}).redis_wait == 2


@pytest.mark.parametrize("text", ["-1", "one", "1.5", "10", " 1"])
def test_a_number_of_replicas_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(Misconfigured, match=r"^REDIS_WAIT: "):
        Settings.from_env(ENVIRONMENT | {"REDIS_WAIT": text})


def test_a_configuration_is_a_file_or_a_folder_that_holds_one(tmp_path: Path) -> None:
    assert read_config(str(tmp_path)) == {}
    (tmp_path / "aiops.yaml").write_text("detect: {max_future: 9}\n")
    assert read_config(str(tmp_path)) == read_config(str(tmp_path / "aiops.yaml"))
    (tmp_path / "aiops.yaml").write_text("")
    assert read_config(str(tmp_path)) == {}


def test_an_empty_secret_is_none() -> None:
    assert secret("X", {"X": ""}) is None
    assert secret("X", {"X": "y"}) == "y"


def test_a_generation_keeps_its_state_apart() -> None:
    old, new = Keys(), Keys("g2:")
    assert old.series(3, "k") == "aiops:{d:3}:s:k"
    assert new.series(3, "k") == "aiops:g2:{d:3}:s:k"


def test_the_schemas_in_the_documents_are_those_of_the_code() -> None:
    written = {f.stem: f.read_text() for f in (ROOT / "docs" / "schemas").glob("*.json")}
    assert written == schemas(), "run: .venv/bin/aiops schemas docs/schemas"


def test_every_fact_refuses_fields_it_does_not_know_and_cannot_be_changed() -> None:
    for fact in Fact.__subclasses__():
        assert fact.model_config["extra"] == "forbid"
        assert fact.model_config["frozen"] is True


@pytest.mark.parametrize(
    "function", sorted(main.parent.name for main in (ROOT / "functions").glob("*/main.py"))
)
def test_a_function_names_no_other_not_even_to_load_it_later(function: str) -> None:
    for file in (ROOT / "functions" / function).rglob("*.py"):
        named = set(re.findall(r"\bfunctions\.([a-z]+)\b", file.read_text()))
        assert named <= {function}, file
