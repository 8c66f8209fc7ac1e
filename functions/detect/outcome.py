"""What goes into the scoring of a group of series besides its samples, and what comes out. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aiops.detection import FloatArray, TimeArray
from aiops.events import TrainingRequested
from aiops.series_store import Field, Write
from aiops.verdicts import Given
from functions.detect.fitted import Fleet


@dataclass(slots=True)
class Outcome:
    """What scoring a batch came to.

    Attributes:
        writes: One for every series that accepted a sample.
        places: The places of these series in the batch.
        accepted: How many samples each of them accepted.
        rejected: Place, reason, and the output that may exist, of samples not accepted.
        asks: Place, and the request, of series that want a model.
    """

    writes: list[Write] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    accepted: list[int] = field(default_factory=list)
    rejected: list[tuple[int, str, Field]] = field(default_factory=list)
    asks: list[tuple[int, TrainingRequested]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of series besides their records.

    Attributes:
        verdicts: On series made anew.
        fleet: Models of all series of a group, None where none are at hand.
        changes: When services were last changed.
    """

    verdicts: Mapping[tuple[int, str], Sequence[Given]]
    fleet: Fleet | None
    changes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Step:
    """One sample each of some series of a group.

    Attributes:
        at: Positions in the group, shape (n,).
        time: Unix milliseconds, shape (n,).
        value: Shape (n,).
    """

    at: NDArray[np.int64]
    time: TimeArray
    value: FloatArray

    def only(self, places: NDArray[np.int64] | list[int]) -> "Step":
        """Return some of the samples, in the order given."""
        return Step(self.at[places], self.time[places], self.value[places])
