"""Runs programs, or only says which."""

import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from aiops.errors import Unavailable

SECONDS = 1_800
"""How long one program may take: building an image is the longest."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs programs without a shell.

    Attributes:
        dry: Print each and run none.
    """

    dry: bool = False

    def run(self, command: Sequence[str]) -> str:
        """Return what a program printed; nothing where none is run.

        Raises:
            Unavailable: it is not installed, fails, or does not end; the message quotes it.
        """
        print(f"+ {shlex.join(command)}", flush=True)
        if self.dry:
            return ""
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=SECONDS, check=False
            )
        except FileNotFoundError:
            raise Unavailable(f"{command[0]}: not installed") from None
        except subprocess.TimeoutExpired:
            raise Unavailable(f"{command[0]}: not done after {SECONDS} s") from None
        if done.returncode:
            raise Unavailable(f"{command[0]}: {done.stderr.strip() or done.returncode}")
        return done.stdout
