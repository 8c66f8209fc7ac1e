"""Series made of others: what their samples are made from, by time."""

from collections.abc import Mapping
from typing import Protocol

from aiops.detection import FloatArray


class Derived(Protocol):
    """The samples of a series that is made of several readings at a time."""

    @property
    def counts(self) -> Mapping[int, FloatArray]:
        """Readings by the time of the sample, shape (n,) each."""

    @property
    def mark(self) -> float:
        """A number that tells what is read here from anything else, never 0."""

    def value(
        self, old: FloatArray | None, new: FloatArray, seconds: float
    ) -> tuple[float, FloatArray]:
        """Return the sample, and the readings to measure the next one from.

        Args:
            old: The readings to measure from, None where there are none, shape (n,).
            new: Those of this sample, shape (n,).
            seconds: Between the two.

        Returns:
            The value, NaN where there is none; the readings, shape (n,).
        """
