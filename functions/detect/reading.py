"""From the data of a samples event to columns; what names the series is read once, then known."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json

from aiops.detection import FloatArray, TimeArray
from aiops.events import Samples, SeriesHead
from aiops.series import Series, SeriesMap
from functions.detect.features.forming import Formed
from functions.detect.gathering import Gathered
from functions.detect.histograms import NO_BUNDLES, Bundles, Histogram
from functions.detect.naming import Naming
from functions.detect.together import Joint

MOST_KNOWN = 1 << 20
"""Heads remembered, about 150 bytes each; beyond that all are read anew."""

MOST_EXEMPLARS = 3
"""Traces named by one anomaly."""

REFUSED, BUCKET = -1, -3
"""Stand for the place of a series that cannot be taken, and of a bucket of a histogram."""

_OPENING = b'{"series":['
_MIDDLE = b',"samples":'


@dataclass(frozen=True, slots=True)
class Heads:
    """The series some samples speak of, as far as scoring them needs.

    Attributes:
        keys: Shard and key of the distinct series.
        rule: Place of the rule that judges each, shape (len(keys),).
        counter: Whether each is a counter, shape (len(keys),).
        service: Which each speaks of.
        place: For every head its place among the distinct ones, or REFUSED.
        refusals: Why, by head.
        first: For each distinct series the first head that names it.
        derived: Heads of series that no head names, by place.
        histograms: Buckets that are judged by quantiles, with the place of each quantile.
        joints: Metrics that are looked at together, with the place of the series of their rows.
        features: Series that are made of others, with the place of each.
    """

    keys: tuple[tuple[int, str], ...]
    rule: NDArray[np.int64]
    counter: NDArray[np.bool_]
    service: tuple[str, ...]
    place: NDArray[np.int64]
    refusals: dict[int, str]
    first: tuple[int, ...]
    derived: Mapping[int, SeriesHead]
    histograms: tuple[tuple[Histogram, tuple[int, ...]], ...]
    joints: tuple[tuple[Joint, int], ...]
    features: tuple[tuple[Formed, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Columns:
    """Samples as they were sent.

    Attributes:
        heads: The series they may belong to.
        named: Returns the distinct series at a place in full.
        head: Index of the head of every sample, as sent, shape (n,).
        time: Unix milliseconds, as sent, shape (n,).
        value: Not always finite, shape (n,).
        exemplars: Ids of traces, by the place of a distinct series and time.
    """

    heads: Heads
    named: Callable[[int], Series]
    head: NDArray[np.int64]
    time: TimeArray
    value: FloatArray
    exemplars: Mapping[tuple[int, int], tuple[str, ...]] = field(default_factory=dict)


class SampleReader:
    """Reads samples events.

    Who sends samples sends them of the same series again and again: the part of an event that
    names them is as it was the last time. It is told by its hash, and not read again.

    Args:
        names: How series are read.
        rule_for: Which rule judges a series.
        bundle: Returns the histograms among some heads.
        join: Returns what is to be looked at together among some heads.
        form: Returns the features that can be made of some heads.
    """

    def __init__(
        self,
        names: SeriesMap,
        rule_for: Callable[[Series], int],
        bundle: Callable[[Sequence[SeriesHead]], Bundles] = lambda _: NO_BUNDLES,
        join: Callable[[Sequence[SeriesHead]], tuple[Joint, ...]] = lambda _: (),
        form: Callable[[Sequence[SeriesHead]], tuple[Formed, ...]] = lambda _: (),
    ) -> None:
        self._join, self._form = join, form
        self._bundle = bundle
        self._names = names
        self._rule_for = _remembered(rule_for)
        self._known: dict[bytes, Heads] = {}
        self._size = 0

    @property
    def names(self) -> SeriesMap:
        """How series are read."""
        return self._names

    def read(self, data: bytes) -> Columns | None:
        """Return samples that are written as is usual, None where they have to be read in full.

        `{"series":[…],"samples":[…]}` is the text of both lists, and each is read as JSON of its
        own; so a cut in the wrong place leaves one of them that cannot be read.
        """
        cut = data.rfind(_MIDDLE)
        if cut < 0 or not data.startswith(_OPENING) or not data.endswith(b"}"):
            return None
        columns = _numbers(data[cut + len(_MIDDLE) : -1])
        if columns is None:
            return None
        naming = data[:cut] + b"}"
        key = blake2b(naming, digest_size=16).digest()
        heads = self._known.get(key)
        if heads is None:
            series = _named(naming)
            if series is None:
                return None
            heads = self._heads(series)
            self._remember(key, heads)
        try:
            return self._columns(heads, lambda: _Naming.model_validate_json(naming).series, columns)
        except OverflowError:
            return None

    def of(self, fact: Samples) -> Columns:
        """Return samples that were read in full."""
        columns = tuple(zip(*fact.samples, strict=True)) or ((), (), ())
        heads = self._heads(fact.series)
        read = self._columns(heads, lambda: fact.series, columns)
        return replace(read, exemplars=_exemplars(heads, fact)) if fact.exemplars else read

    def gathered(self, found: Gathered, naming: Naming) -> Columns:
        """Return samples that another format than ours held.

        The same series are known again in whatever order they come.
        """
        numbers = naming.numbers(found.series)
        ordered = np.sort(numbers)
        key = b"numbers" + ordered.tobytes()
        heads = self._known.get(key)
        if heads is None:
            heads = self._heads(*naming.heads(ordered.tolist()))
            self._remember(key, heads)
        head, time, value = found.columns()
        place = np.searchsorted(ordered, numbers)[head]
        return self._columns(heads, lambda: naming.heads(ordered.tolist())[0], (place, time, value))

    def _columns(
        self,
        heads: Heads,
        series: Callable[[], Sequence[SeriesHead]],
        columns: Sequence[Sequence[float] | NDArray[Any]],
    ) -> Columns:
        head, time, value = columns

        def named(place: int) -> Series:
            derived = heads.derived.get(place)
            found = self._names.read(derived or series()[heads.first[place]])
            if isinstance(found, str):
                raise TypeError(found)
            return found

        return Columns(
            heads,
            named,
            np.array(head, dtype=np.int64),
            np.array(time, dtype=np.int64),
            np.array(value, dtype=np.float64),
        )

    def _heads(
        self, given: Sequence[SeriesHead], refused: Mapping[int, str] = MappingProxyType({})
    ) -> Heads:
        bundles = self._bundle(given)
        buckets = {index for one in bundles.found for index in one.heads}
        listed = _Listed(self._names, self._rule_for)
        place = np.full(len(given), REFUSED, dtype=np.int64)
        refusals = bundles.refused | dict(refused)
        for index, head in enumerate(given):
            if index in buckets:
                place[index] = BUCKET
            elif index not in refusals:
                found = listed.add(head, index)
                if isinstance(found, str):
                    refusals[index] = found
                else:
                    place[index] = found
        histograms = []
        for one in bundles.found:
            places = [listed.add(head, DERIVED) for head, _ in one.quantiles]
            wrong = next((found for found in places if isinstance(found, str)), None)
            if wrong is not None:
                place[list(one.heads)] = REFUSED
                refusals |= dict.fromkeys(one.heads, wrong)
            histograms.append((one, tuple(p if isinstance(p, int) else REFUSED for p in places)))
        joints = self._joints(given, listed)
        features = self._features(given, listed)
        return Heads(
            tuple(listed.places),
            np.array(listed.rule, dtype=np.int64),
            np.array([at >= 0 and given[at].kind == "counter" for at in listed.first], dtype=bool),
            tuple(listed.service),
            place,
            refusals,
            tuple(listed.first),
            listed.derived,
            tuple(histograms),
            joints,
            features,
        )

    def _joints(
        self, given: Sequence[SeriesHead], listed: "_Listed"
    ) -> tuple[tuple[Joint, int], ...]:
        found = []
        for joint in self._join(given):
            place = len(listed.places)
            if listed.add(joint.head, DERIVED, joint.rule) == place:
                found.append((joint, place))
        return tuple(found)

    def _features(
        self, given: Sequence[SeriesHead], listed: "_Listed"
    ) -> tuple[tuple[Formed, int], ...]:
        """Return the features; a series that is sent under the same name comes before one."""
        found = []
        for formed in self._form(given):
            place = len(listed.places)
            if listed.add(formed.head, DERIVED) == place:
                found.append((formed, place))
        return tuple(found)

    def _remember(self, key: bytes, heads: Heads) -> None:
        if self._size + len(heads.place) > MOST_KNOWN:
            self._known.clear()
            self._size = 0
        self._known[key] = heads
        self._size += len(heads.place)


def _remembered(rule_for: Callable[[Series], int]) -> Callable[[Series], int]:
    """Return the same, which asks once for each series."""
    known: dict[str, int] = {}

    def asked(series: Series) -> int:
        place = known.get(series.key)
        if place is None:
            if len(known) >= MOST_KNOWN:
                known.clear()
            place = known[series.key] = rule_for(series)
        return place

    return asked


DERIVED = -1
"""Stands for the head of a series that is made of others."""


class _Listed:
    """Distinct series in the order they are first named."""

    def __init__(self, names: SeriesMap, rule_for: Callable[[Series], int]) -> None:
        self._names, self._rule_for = names, rule_for
        self.places: dict[tuple[int, str], int] = {}
        self.rule: list[int] = []
        self.service: list[str] = []
        self.first: list[int] = []
        self.derived: dict[int, SeriesHead] = {}

    def add(self, head: SeriesHead, index: int, rule: int | None = None) -> int | str:
        """Return the place of the series a head names, or why it cannot be taken.

        Args:
            head: Names it.
            index: Of the head, or `DERIVED`.
            rule: Place of the rule that judges it, where that does not follow from the series.
        """
        series = self._names.read(head)
        if isinstance(series, str):
            return series
        key = (series.shard, series.key)
        if key not in self.places:
            if index == DERIVED:
                self.derived[len(self.places)] = head
            self.places[key] = len(self.places)
            self.rule.append(self._rule_for(series) if rule is None else rule)
            self.service.append(series.service)
            self.first.append(index)
        return self.places[key]


def _exemplars(heads: Heads, fact: Samples) -> dict[tuple[int, int], tuple[str, ...]]:
    """Return the ids of traces, those left out that belong to no sample or an unknown series."""
    found: dict[tuple[int, int], tuple[str, ...]] = {}
    for index, trace in fact.exemplars:
        if 0 <= index < len(fact.samples):
            head, time, _ = fact.samples[index]
            if 0 <= head < len(heads.place):
                place = int(heads.place[head]), time
                found[place] = (*found.get(place, ()), trace)[:MOST_EXEMPLARS]
    return found


class _Naming(BaseModel):
    """The part of a samples event that names its series."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    series: tuple[SeriesHead, ...]


def _named(naming: bytes) -> tuple[SeriesHead, ...] | None:
    try:
        return _Naming.model_validate_json(naming).series
    except ValidationError:
        return None


def _numbers(text: bytes) -> tuple[Sequence[float], ...] | None:
    """Return `[[index, time, value], …]` as three columns, None where it is anything else."""
    try:
        rows = from_json(text)
    except ValueError:
        return None
    if not isinstance(rows, list) or set(map(type, rows)) - {list} or set(map(len, rows)) - {3}:
        return None
    head, time, value = zip(*rows, strict=True) if rows else ((), (), ())
    whole = set(map(type, head)) | set(map(type, time))
    if whole - {int} or set(map(type, value)) - {int, float}:
        return None
    return head, time, value
