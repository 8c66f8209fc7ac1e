"""What the document of channels says is shown, and by tests that exist."""

import ast
import re
from pathlib import Path

import pytest

from aiops.plugins import available, load
from functions.act.performer import LEASE_SECONDS
from functions.act.sender import CALL_SECONDS, CONNECT_SECONDS, READ_SECONDS
from functions.act.wiring import CHANNELS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "channels.md").read_text()
LIMITS = [
    row.split(" | ") for row in TEXT.split("## Limits")[1].splitlines() if row.startswith("| ")
][2:]


@pytest.mark.parametrize("row", LIMITS, ids=lambda row: row[1][:40])
def test_every_limit_names_a_test_that_exists(row):
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row[-1])
    assert named
    for file, test in named:
        tree = ast.parse((ROOT / file).read_text())
        assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("name", available(CHANNELS))
def test_every_channel_is_in_the_table_with_the_settings_it_needs(name):
    row = next(line for line in TEXT.splitlines() if line.startswith(f"| `{name}` |"))
    for setting in load(CHANNELS, name, "Channel").needs:
        assert f"`{setting}`" in row


def test_the_times_stated_are_those_of_the_code():
    assert f"share {CALL_SECONDS:.0f} seconds, less than the lease of {LEASE_SECONDS:.0f}" in TEXT
    assert f"silent for {READ_SECONDS:.0f} seconds" in TEXT
    assert f"connection may take {CONNECT_SECONDS:.0f}" in TEXT
