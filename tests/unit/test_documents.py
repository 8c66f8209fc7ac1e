"""What the documents say of files, targets and commands is so."""

import math
import re
from pathlib import Path

import pytest

from aiops.adapters.keys import ACTION_LIFETIME, DAY, DOMAIN_LIFETIME, SERIES_LIFETIME
from aiops.adapters.redis_replicas import WAIT_MS
from aiops.adapters.serve import MAX_BODY_BYTES
from aiops.plugins import available
from aiops.series import MAX_LABEL_LENGTH, MAX_LABELS, SHARDS
from aiops.series_store import MAX_BACKLOG
from functions.correlate.domain import MEMORY
from functions.detect.config import DetectConfig
from functions.detect.features.forming import MOST_PARTS
from functions.detect.features.sets import SETS
from functions.detect.handler import ROUNDS
from functions.detect.record import RECENT
from functions.detect.signals.kubernetes.config import ANOMALIES, CHANGES, KubernetesEvents
from functions.detect.signals.kubernetes.event import MAX_EVENTS
from local.commands.config import reference
from local.delivery.policy import backoff
from local.manifests import load

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
TEXT = {document.relative_to(ROOT).as_posix(): document.read_text() for document in DOCUMENTS}


@pytest.mark.parametrize("name", TEXT)
def test_every_link_leads_somewhere(name: str) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", TEXT[name]):
        assert ((ROOT / name).parent / target).exists(), target


@pytest.mark.parametrize("name", TEXT)
def test_every_file_named_exists(name: str) -> None:
    for path in re.findall(
        r"`((?:functions|shared|knative|local|tests|bench|docs)/[\w./-]+)`", TEXT[name]
    ):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("name", TEXT)
def test_every_make_target_and_aiops_command_exists(name: str) -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for step in re.findall(r"([a-z]+)-%", makefile):
        targets |= {f"{step}-{file.parent.name}" for file in ROOT.glob("functions/*/func.yaml")}
    for line in re.findall(
        r"`(?:\.venv/bin/)?make ([a-z -]+)`|^make ([a-z-]+)", TEXT[name], re.MULTILINE
    ):
        assert set(" ".join(line).split()) <= targets, line
    commands = set(available("local.commands"))
    for command in re.findall(r"(?:`|\.venv/bin/)aiops ([a-z]+)", TEXT[name]):
        assert command in commands


def test_the_limits_stated_are_those_of_the_code() -> None:
    text = TEXT["docs/input.md"]
    assert MAX_BODY_BYTES == 1 << 20
    assert "a body over 1 MiB" in text
    assert f"more than {MAX_LABELS} labels" in text
    assert f"over {MAX_LABEL_LENGTH:,} characters".replace(",", " ") in text
    assert DetectConfig().max_future == 5 * 60
    assert DetectConfig().max_age == 7 * 86_400


def test_the_account_of_losses_is_that_of_the_objects_and_the_code() -> None:
    text = " ".join(TEXT["docs/delivery.md"].split())
    objects = load(ROOT / "knative" / "base")
    specs = [each.spec.delivery for each in (*objects.sources, *objects.triggers)]
    delays = {tuple(backoff(spec, n) for n in range(1, spec.retry + 1)) for spec in specs}
    assert delays == {(1.0, 2.0, 4.0, 8.0, 16.0)}
    assert "five times, 1, 2, 4, 8 and 16 seconds apart" in text
    assert "more than 31 seconds" in text
    partitions = {each.metadata.name: each.spec.partitions for each in objects.topics}
    most = math.ceil(600 / 31) * partitions["metrics"]
    assert f"the {partitions['metrics']} partitions of `metrics` at most {most} events" in text
    kept = {each.metadata.name: each.spec.config["retention.ms"] for each in objects.topics}
    days = {name: int(ms) // 86_400_000 for name, ms in kept.items()}
    assert f"{days['metrics']} day of `metrics`" in text
    assert f"{days['anomalies']} days of `anomalies` and `control`" in text
    assert f"{days['incidents']} days of `incidents`" in text
    assert f"dead letters older than {days['aiops-dlq']} days" in text
    assert {each.spec.config["min.insync.replicas"] for each in objects.topics} == {"2"}
    assert WAIT_MS == 1_000
    assert "within a second the answer is 503" in text
    assert f"{MAX_BACKLOG:,}".replace(",", " ") + " anomalies of a shard" in text
    assert f"{MAX_BACKLOG * SHARDS:,}".replace(",", " ") + " anomalies" in text
    assert ROUNDS == 5
    assert f"one of the last {RECENT} accepted" in text
    assert (SERIES_LIFETIME, ACTION_LIFETIME, DOMAIN_LIFETIME) == (14 * DAY, 30 * DAY, 30 * DAY)
    assert MEMORY == DAY


def test_the_features_and_events_told_of_are_those_that_are_shipped() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (`.*`) \|$", TEXT["docs/features.md"], re.MULTILINE)
    told = {name: re.findall(r"`(\w+)`", listed) for name, listed in rows}
    shipped = {n: list(dict.fromkeys(one.name for one in some)) for n, some in SETS.items()}
    assert told == shipped
    assert f"more than {MOST_PARTS} series" in TEXT["docs/features.md"]
    text = TEXT["docs/kubernetes-events.md"]
    assert set(re.findall(r"`kubernetes_(\w+)`", text)) == {one.name for one in ANOMALIES}
    changes = text.partition("## What is a change")[2]
    kinds = set(re.findall(r"\| `(\w+)` \|$", changes, re.MULTILINE))
    assert kinds == {one.change for one in CHANGES}
    assert KubernetesEvents().max_age == 600
    assert f"more than {MAX_EVENTS:,} in a record".replace(",", " ") in text


def test_the_configuration_reference_is_that_of_the_code() -> None:
    assert TEXT["docs/configuration.md"] == reference(), "run: aiops config > docs/configuration.md"


def test_the_detector_shown_in_the_readme_is_one() -> None:
    import numpy as np

    from aiops.detection import Scores

    (code,) = re.findall(r"```python\n(.*?)```", TEXT["README.md"], re.DOTALL)
    scope: dict = {"np": np, "Scores": Scores}
    exec(compile(code, "README.md", "exec"), scope)  # noqa: S102 - our own document
    detector = scope["Detector"]()
    state = np.zeros(2, detector.dtype)
    scores = detector.score(state, np.array([1, 1]), np.array([5.0, 50.0]))
    assert scores.evidence.tolist() == [0.5, 5.0]
    assert state["mean"].tolist() == [0.5, 5.0]
