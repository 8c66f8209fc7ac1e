"""Each function's real main.py, served in this process over twins in memory."""

from collections.abc import Callable
from pathlib import Path

import functions_framework
import pytest
from flask.testing import FlaskClient

from aiops.adapters.memory_admissions import MemoryAdmissions
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.adapters.memory_changes import MemoryChanges
from aiops.adapters.memory_models import MemoryModels
from aiops.adapters.memory_series import MemorySeriesStore
from aiops.adapters.memory_verdicts import MemoryVerdicts

ROOT = Path(__file__).parents[2]


@pytest.fixture
def publisher() -> MemoryPublisher:
    return MemoryPublisher()


@pytest.fixture
def series_store() -> MemorySeriesStore:
    return MemorySeriesStore()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Set what every function needs, and return its configuration folder."""
    for name in ("AIOPS_CLOCK", "AIOPS_DOMAIN", "AIOPS_GENERATION", "PROMETHEUS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("AIOPS_CONFIG", str(tmp_path))
    return tmp_path


@pytest.fixture
def serve(environment: Path) -> Callable[[str], FlaskClient]:
    """Return a function that serves one function by its name."""

    def served(name: str) -> FlaskClient:
        source = ROOT / "functions" / name / "main.py"
        return functions_framework.create_app(name, str(source), "http").test_client()

    return served


@pytest.fixture
def serve_detect(
    monkeypatch: pytest.MonkeyPatch,
    serve: Callable[[str], FlaskClient],
    publisher: MemoryPublisher,
    series_store: MemorySeriesStore,
) -> Callable[[], FlaskClient]:
    """Return a function that serves detect over twins."""
    wiring = "functions.detect.wiring"
    monkeypatch.setattr(f"{wiring}.RedisSeriesStore", lambda *_: series_store)
    monkeypatch.setattr(f"{wiring}.RedisModels", lambda *_: MemoryModels())
    monkeypatch.setattr(f"{wiring}.RedisVerdicts", lambda *_: MemoryVerdicts())
    monkeypatch.setattr(f"{wiring}.RedisChanges", lambda *_: MemoryChanges())
    monkeypatch.setattr(f"{wiring}.RedisAdmissions", lambda *_: MemoryAdmissions())
    monkeypatch.setattr(f"{wiring}.KafkaPublisher", lambda _: publisher)
    return lambda: serve("detect")


@pytest.fixture
def detect(serve_detect: Callable[[], FlaskClient]) -> FlaskClient:
    """Serve detect over twins, with the configuration it ships with."""
    return serve_detect()
