"""What is up inside a `with` block, and down after it."""

from abc import ABC, abstractmethod
from contextlib import ExitStack
from typing import Self


class Scope(ABC):
    """All of it comes up or nothing does; it goes down in the opposite order."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Bring everything up; what came up is taken down again when something does not."""
        try:
            self._bring_up()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Take everything down."""
        self._stack.close()

    @abstractmethod
    def _bring_up(self) -> None:
        """Start what there is, each with its end on the stack."""
