"""What stands for the base image: a Python that anybody may run, with no library installed."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from aiops.errors import Misconfigured

_SECONDS = 120


def bare_python(folder: Path) -> Path:
    """Return a Python of its own, made in a folder.

    Raises:
        Misconfigured: every Python 3.11 here is in a folder that others may not enter.
    """
    candidates = (Path(sys.executable).resolve(), Path("/usr/bin/python3.11"))
    found = next((each for each in candidates if _open_to_all(each)), None)
    if found is None:
        raise Misconfigured(f"none may be run by others: {', '.join(map(str, candidates))}")
    command = [str(found), "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(command, check=True, timeout=_SECONDS)
    return folder / "bin" / "python"


def _open_to_all(program: Path) -> bool:
    return program.is_file() and all(_others_may_enter(each) for each in _way(program))


def _way(program: Path) -> Iterator[Path]:
    yield program
    yield from program.parents


def _others_may_enter(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o001)
