"""Fitted models in this process: what artefacts become so that a batch is scored in one go."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from aiops.artefact import Artefact
from aiops.detection import FloatArray, StateArray, TimeArray
from aiops.errors import Misconfigured, Rejected
from aiops.plugins import load

Wanted = tuple[int, str, int]
"""A model's place: shard, series and version."""

Fetch = Callable[[Sequence[Wanted]], Sequence[bytes | None]]


@dataclass(frozen=True, slots=True)
class Fitted:
    """What models say of one sample each of n series.

    Attributes:
        valid: Where they say anything, shape (n,); elsewhere the rest means nothing.
        evidence: 1 on the line between usual and not, shape (n,), finite, 0 and up.
        expected: Shape (n,); NaN where the model has no notion of it, as `lower` and `upper`.
        lower: Shape (n,).
        upper: Shape (n,).
        explain: The reason in words for row i.
        value: What all this speaks of where it is not the sample's own value, shape (n,).
    """

    valid: NDArray[np.bool_]
    evidence: FloatArray
    expected: FloatArray
    lower: FloatArray
    upper: FloatArray
    explain: Callable[[int], str]
    value: FloatArray | None = None


class Models(Protocol):
    """All models of one kind; a module in `functions/detect/models` has a class of this name.

    Models are only ever added, so that whoever scores may go on with those it knows.
    """

    @property
    def nbytes(self) -> int:
        """Return how much memory they take."""

    def add(self, artefact: Artefact) -> int:
        """Take a model in and return its place.

        Raises:
            Rejected: it is not what its kind needs.
        """

    def score(
        self,
        place: NDArray[np.int64],
        time: TimeArray,
        value: FloatArray,
        track: StateArray,
        kept: NDArray[np.bool_],
    ) -> Fitted:
        """Score one sample each of n distinct series.

        Args:
            place: Of the model of each, shape (n,).
            time: Unix milliseconds, shape (n,).
            value: Finite values, shape (n,); rows of `functions.detect.together`, shape (n, 8).
            track: What is kept of each series besides, shape (n,), see
                `functions.detect.record.TRACK`; its value and smoothed value are updated in place.
            kept: Which samples are of those that models are fitted to, shape (n,).
        """


class Entry(NamedTuple):
    """A model that is at hand.

    Attributes:
        models: Where it lives.
        place: Which of those it is.
    """

    models: Models
    place: int
    detector: str
    made_at: int
    until: int


@dataclass(frozen=True, slots=True)
class Needed:
    """The models some series of a batch are to be scored with.

    Attributes:
        keys: Shard and key of all series of the batch.
        members: Which of them, shape (n,).
        version: Of the model of each, 0 or less where it has none, shape (n,).
    """

    keys: tuple[tuple[int, str], ...]
    members: NDArray[np.int64]
    version: NDArray[np.int64]

    def wanted(self) -> list[Wanted | None]:
        """Return the place of each model, None where there is none."""
        return [
            (*self.keys[member], version) if version > 0 else None
            for member, version in zip(self.members.tolist(), self.version.tolist(), strict=True)
        ]


class Fleet:
    """The models of some series, as arrays of shape (n,).

    Args:
        entries: The model of each, None where there is none.
    """

    def __init__(self, entries: Sequence[Entry | None]) -> None:
        self.until = np.array([0 if one is None else one.until for one in entries], np.int64)
        self.made = np.array([0 if one is None else one.made_at for one in entries], np.int64)
        self.place = np.array([0 if one is None else one.place for one in entries], np.int64)
        self._names = ["" if one is None else one.detector for one in entries]
        kinds: dict[int, tuple[Models, list[int]]] = {}
        for at, one in enumerate(entries):
            if one is not None:
                kinds.setdefault(id(one.models), (one.models, []))[1].append(at)
        self.kinds = [(models, np.array(rows)) for models, rows in kinds.values()]

    def __len__(self) -> int:
        return len(self._names)

    def name(self, at: int) -> str:
        """Return the detector whose model a series has."""
        return self._names[at]


@dataclass(slots=True)
class Shelf:
    """Models at hand, by series and version; one that is not there has been looked for.

    When they take more memory than they may, all are put away, and those in use come back. Who
    sends samples sends them of the same series again and again: what was put together for some
    series is kept, too.

    Attributes:
        most_bytes: Memory they may take.
    """

    most_bytes: int
    _entries: dict[Wanted, Entry | None] = field(default_factory=dict)
    _kinds: dict[str, Models] = field(default_factory=dict)
    _fleets: dict[tuple[int, bytes], tuple[Needed, Fleet]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def fleet(self, needed: Needed, fetch: Fetch) -> Fleet:
        """Return the models of some series; `fetch` is asked for those not at hand."""
        name = (id(needed.keys), needed.members.tobytes())
        known, fleet = self._fleets.get(name, (None, None))
        if (
            known is not None
            and fleet is not None
            and known.keys is needed.keys
            and np.array_equal(known.version, needed.version)
        ):
            return fleet
        wanted = needed.wanted()
        found = self.find([one for one in wanted if one is not None], fetch)
        made = Fleet([None if one is None else found[one] for one in wanted])
        with self._lock:
            if len(self._fleets) >= MOST_FLEETS:
                self._fleets = {}
            copied = Needed(needed.keys, needed.members, needed.version.copy())
            self._fleets[name] = (copied, made)
        return made

    def find(self, wanted: Sequence[Wanted], fetch: Fetch) -> dict[Wanted, Entry | None]:
        """Return models, None where there is none; `fetch` is asked for those not at hand."""
        known = self._entries
        missing = [one for one in dict.fromkeys(wanted) if one not in known]
        if missing:
            packed = fetch(missing)
            with self._lock:
                known = self._take_in(missing, packed)
        return {one: known.get(one) for one in wanted}

    def _take_in(
        self, wanted: Sequence[Wanted], packed: Sequence[bytes | None]
    ) -> dict[Wanted, Entry | None]:
        """Add models; return them, and all that were there before."""
        before = self._entries
        if len(before) > MOST_ENTRIES or self._nbytes() > self.most_bytes:
            self._entries, self._kinds, self._fleets = {}, {}, {}
        for one, content in zip(wanted, packed, strict=True):
            self._entries[one] = None if content is None else self._read(one, content)
        return {**before, **self._entries} if before is not self._entries else self._entries

    def _nbytes(self) -> int:
        return sum(models.nbytes for models in self._kinds.values())

    def _read(self, wanted: Wanted, content: bytes) -> Entry | None:
        try:
            artefact = Artefact.unpack(content)
            if (artefact.series, artefact.made_at) != wanted[1:]:
                return None
            models = self._kinds.get(artefact.kind)
            if models is None:
                models = load("functions.detect.models", artefact.kind, "Models")()
                self._kinds[artefact.kind] = models
            place = models.add(artefact)
        except (Rejected, Misconfigured):
            return None
        return Entry(models, place, artefact.detector, artefact.made_at, artefact.until)


MOST_FLEETS = 1 << 12
MOST_ENTRIES = 1 << 20
"""Models known, or known not to be there; about 200 bytes each besides their own memory."""


def grown(array: NDArray[Any], needed: int) -> NDArray[Any]:
    """Return an array with room for so many rows; those who hold the old one may go on with it."""
    if needed <= len(array):
        return array
    larger = np.zeros((max(needed, 2 * len(array)), *array.shape[1:]), array.dtype)
    larger[: len(array)] = array
    return larger
