"""What is wrong with a file, where, and what to do about it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        file: As it was given.
        field: Where in it, such as `act.channels.0.min_severity`; empty for all of it.
        what: What is wrong; never a value that may be secret.
        line: From 1; 0 where it is not known.
        advice: What to do about it; may be empty.
    """

    file: str
    field: str
    what: str
    line: int = 0
    advice: str = ""

    def __str__(self) -> str:
        """Return it as compilers write it: file, line, field, what and advice."""
        where = f"{self.file}:{self.line}" if self.line else self.file
        said = ": ".join(part for part in (where, self.field, self.what) if part)
        return f"{said} ({self.advice})" if self.advice else said


@dataclass(frozen=True, slots=True)
class Checked:
    """One file that was looked at.

    Attributes:
        kind: What it was taken for.
        runbooks: Names of the runbooks in it, with the lines they stand on.
    """

    file: str
    kind: str
    problems: tuple[Problem, ...] = ()
    runbooks: tuple[tuple[str, int], ...] = ()
