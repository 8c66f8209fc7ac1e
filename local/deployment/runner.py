"""Runs programs, or only says which."""

import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from aiops.errors import Unavailable

SECONDS = 1_800
"""How long one program may take: building an image is the longest."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: its status, and what it printed."""

    status: int
    out: str
    problem: str


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs programs without a shell.

    Attributes:
        dry: Print each and run none.
    """

    dry: bool = False

    def run(self, command: Sequence[str]) -> str:
        """Say what is run, and return what it printed; nothing where none is run.

        Raises:
            Unavailable: it is not installed, fails, or does not end; the message quotes it.
        """
        print(f"+ {shlex.join(command)}", flush=True)
        return "" if self.dry else _output(command)

    def ask(self, command: Sequence[str]) -> str:
        """Do the same with a program that changes nothing: it is named in a dry run only.

        Raises:
            Unavailable: as for `run`.
        """
        return self.run(command) if self.dry else _output(command)

    def attempt(self, command: Sequence[str]) -> Ended:
        """Return how a program that changes nothing ended; well, where none is run.

        Raises:
            Unavailable: it is not installed, or does not end.
        """
        if self.dry:
            self.run(command)
            return Ended(0, "", "")
        return _ended(command)


def _output(command: Sequence[str]) -> str:
    done = _ended(command)
    if done.status:
        raise Unavailable(f"{command[0]}: {done.problem or done.status}")
    return done.out


def _ended(command: Sequence[str]) -> Ended:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except FileNotFoundError:
        raise Unavailable(f"{command[0]}: not installed") from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{command[0]}: not done after {SECONDS} s") from None
    return Ended(done.returncode, done.stdout, done.stderr.strip())
