"""Renders a kustomize folder with the program that applies it."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from aiops.errors import Misconfigured, Unavailable

SECONDS = 120
"""How long rendering may take; no folder here fetches anything."""

_COMMANDS = (("kubectl", "kustomize"), ("kustomize", "build"))


def renderer() -> tuple[str, ...] | None:
    """Return the command that renders a folder given to it; None where there is none."""
    for name, word in _COMMANDS:
        found = shutil.which(name)
        if found:
            return found, word
    return None


def render(folder: Path, command: Sequence[str] | None = None) -> str:
    """Return a folder's objects as YAML.

    Raises:
        Misconfigured: the folder cannot be rendered; the message quotes the renderer.
        Unavailable: neither kubectl nor kustomize is installed, or it does not end.
    """
    used = command or renderer()
    if used is None:
        raise Unavailable("neither kubectl nor kustomize is installed")
    try:
        done = subprocess.run(
            [*used, str(folder)], capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{used[0]}: {type(error).__name__}") from None
    if done.returncode:
        raise Misconfigured(f"{folder}: {done.stderr.strip()}")
    return done.stdout


def documents(text: str) -> tuple[dict[str, Any], ...]:
    """Return the objects of a rendered folder.

    Raises:
        Misconfigured: it is no YAML, or holds something else.
    """
    try:
        found = [each for each in yaml.safe_load_all(text) if each is not None]
    except yaml.YAMLError as error:
        raise Misconfigured(str(error).splitlines()[0]) from None
    if not all(isinstance(each, dict) for each in found):
        raise Misconfigured("expected objects")
    return tuple(found)
