"""A question to whoever sits there."""

import sys

from aiops.errors import Misconfigured


def confirmed(question: str) -> bool:
    """Return whether the answer was yes.

    Raises:
        Misconfigured: nobody can answer.
    """
    if not sys.stdin.isatty():
        raise Misconfigured(f"{question} nobody is there to say so; --yes does")
    return input(f"{question} [y/N] ").strip().lower() in {"y", "yes"}
