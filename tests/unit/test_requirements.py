"""What a function imports when it starts is among its own requirements."""

import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRIED = {"opentelemetry"}
"""What the Redis client imports where it happens to be there, as it is for our tests."""

NAMES = ("act", "collect", "correlate", "detect", "exporter", "gateway", "train")


@pytest.mark.parametrize("name", NAMES)
def test_a_function_imports_only_what_its_image_will_hold(name: str) -> None:
    code = f"""
import sys
before = set(sys.modules)
import aiops.adapters.serve, functions.{name}.wiring
print(*set(sys.modules) - before)
"""
    paths = f"{ROOT}:{ROOT / 'shared'}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": paths}, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    imported = {module.split(".")[0] for module in done.stdout.split()}
    belongs = packages_distributions()
    needed = {_plain(belongs[module][0]) for module in imported if module in belongs.keys() - TRIED}
    text = (ROOT / "functions" / name / "requirements.txt").read_text(encoding="utf-8")
    locked = {
        _plain(one) for one in re.findall(r"^([A-Za-z0-9._-]+)(?:\[.*\])?==", text, re.MULTILINE)
    }
    assert needed - locked - {"aiops"} == set()


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
