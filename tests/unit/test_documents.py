"""What the documents say of files, targets and commands is so."""

import re
from pathlib import Path

import pytest

from aiops.adapters.serve import MAX_BODY_BYTES
from aiops.plugins import available
from aiops.series import MAX_LABEL_LENGTH, MAX_LABELS
from functions.detect.config import DetectConfig
from local.commands.config import reference

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
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
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
