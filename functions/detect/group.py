"""The series of a batch that one rule judges: taken in, scored, packed. Pure."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aiops.combination import MOST_METRICS, interleaved
from aiops.detection import (
    FloatArray,
    Scores,
    StateArray,
    TimeArray,
    score_of,
    severity_of,
)
from aiops.events import Anomaly, SeriesHead, TrainingRequested
from aiops.ids import derive
from aiops.series_store import NONCE_BYTES, Field, Mode, Write
from aiops.training import HISTORY_CHUNK_MS
from aiops.verdicts import Given
from functions.detect.batch import Batch
from functions.detect.fitted import Fleet, Needed
from functions.detect.histograms import grown, quantile
from functions.detect.judge import Judge
from functions.detect.lines import begin_with, line_of, lines_of
from functions.detect.modelled import Judged, Modelled
from functions.detect.rates import increase
from functions.detect.record import ends, seal, unpack, words
from functions.detect.together import with_rates
from functions.detect.units import unit_of, with_units

RENEWAL_MS = 24 * 3_600_000
"""A record's lifetime, which is much longer, is renewed by the first sample of each such span."""


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
class _Step:
    """One sample each of some series of a group.

    Attributes:
        at: Positions in the group, shape (n,).
    """

    at: NDArray[np.int64]
    time: TimeArray
    value: FloatArray


class Group:
    """The series of a batch that one judge judges."""

    def __init__(
        self,
        judge: Judge,
        domain: str,
        batch: Batch,
        members: NDArray[np.int64],
        records: Sequence[bytes | None],
    ) -> None:
        self._judge, self._domain, self._batch, self._members = judge, domain, batch, members
        self._outcome = Outcome()
        self._stored = [records[member] for member in members]
        self._array, self._known = unpack(self._stored, judge.layout, judge.kind)
        self._outputs: dict[int, list[tuple[str, bytes]]] = {}
        self._kept: dict[int, list[tuple[int, bytes]]] = {}
        self._accepted = np.zeros(len(members), dtype=np.int64)
        self._modelled: Modelled | None = None
        self._changed: TimeArray | None = None
        self._rows = np.zeros((len(members), MOST_METRICS)) if judge.rule.together else None

    def made_anew(self) -> list[tuple[int, str]]:
        """Return the series whose record says nothing of the verdicts on them."""
        if self._known.all():
            return []
        return [self._batch.keys[self._members[at]] for at in np.flatnonzero(~self._known)]

    def needed(self) -> Needed | None:
        """Return the models these series are to be scored with, None where there never are any."""
        if not self._judge.rule.modelled:
            return None
        return Needed(self._batch.keys, self._members, self._array["header"]["model"])

    def services(self) -> set[str]:
        """Return the services whose changes matter to these series."""
        if not self._judge.rule.relearn_on_change:
            return set()
        return {self._batch.service[member] for member in self._members.tolist()}

    def run(
        self,
        rank: NDArray[np.int64],
        known: Known,
        outcome: Outcome,
    ) -> None:
        """Take in all samples, and add what came of it to the outcome; see `Round.run`."""
        self._outcome = outcome
        before = self._array.copy()
        self._recall(known.verdicts)
        self._changed = self._changes(known.changes)
        if self._judge.rule.modelled:
            header, track = self._array["header"], self._array["track"]
            fleet = known.fleet or Fleet([None] * len(header))
            self._modelled = Modelled(self._judge.rule, header, track, fleet)
        position = np.full(len(self._batch.keys), -1)
        position[self._members] = np.arange(len(self._members))
        at = position[self._batch.row]
        for turn in range(int(rank.max(initial=-1)) + 1):
            mine = np.flatnonzero((rank == turn) & (at >= 0))
            step = _Step(at[mine], self._batch.time[mine], self._batch.value[mine])
            self._take(step)
        self._ask()
        self._collect(before)

    def _changes(self, changes: Mapping[str, int]) -> TimeArray | None:
        """Return when the service of each series was last changed, None where none ever was."""
        if not changes or not self._judge.rule.relearn_on_change:
            return None
        services = [self._batch.service[member] for member in self._members.tolist()]
        return np.array([changes.get(name, 0) for name in services], dtype=np.int64)

    def _relearn(self, header: StateArray, step: _Step) -> None:
        """Forget what was learned before a change, with the first sample after it, once."""
        if self._changed is None:
            return
        at = self._changed[step.at]
        due = (at > np.abs(header["since"][step.at])) & (at <= step.time)
        rows = step.at[due]
        for name in self._array.dtype.names or ():
            if name != "header":
                self._array[name][rows] = np.zeros((), self._array.dtype[name])
        header["since"][rows] = -at[due]
        for name in ("count", "over_since", "asked"):
            header[name][rows] = 0
        model = header["model"][rows]
        header["model"][rows] = np.where(at[due] > np.abs(model), -at[due], model)

    def _recall(self, verdicts: Mapping[tuple[int, str], Sequence[Given]]) -> None:
        """Give records made anew the lines that the verdicts on their series come to."""
        for at in np.flatnonzero(~self._known) if verdicts else ():
            given = verdicts.get(self._batch.keys[self._members[at]])
            if given:
                begin_with(self._array["header"], int(at), lines_of(given))

    def _take(self, step: _Step) -> None:
        header = self._array["header"]
        fresh = step.time > header["last"][step.at]
        if not fresh.all():
            self._reject(step, np.flatnonzero(~fresh))
            keep = np.flatnonzero(fresh)
            step = _Step(step.at[keep], step.time[keep], step.value[keep])
        if len(step.at) == 0:
            return
        self._accepted[step.at] += 1
        self._relearn(header, step)
        scorable = self._rates(header, step)
        if self._modelled is not None:
            self._keep(header, scorable)
        header["last"][step.at] = step.time
        recent = header["recent"]
        recent[step.at, 1:] = recent[step.at, :-1]
        recent[step.at, 0] = step.time
        if not self._known.all():
            since = header["since"][step.at]
            header["since"][step.at] = np.where(since == 0, step.time, since)
        if len(scorable.at):
            self._judge_step(header, scorable)

    def _keep(self, header: StateArray, step: _Step) -> None:
        """Keep the first sample of each step of time, to fit a model to."""
        length = int(self._judge.rule.history_step * 1000)
        for place in np.flatnonzero(header["last"][step.at] // length != step.time // length):
            at, time = int(step.at[place]), int(step.time[place])
            if self._rows is None:
                packed = struct.pack("<qd", time, float(step.value[place]))
            else:
                row = self._rows[at, : len(self._judge.rule.together)]
                packed = interleaved(time, length, row).tobytes()
            self._kept.setdefault(at, []).append((time // HISTORY_CHUNK_MS, packed))

    def _reject(self, step: _Step, places: NDArray[np.int64]) -> None:
        recent = self._array["header"]["recent"]
        for place in places:
            member = int(self._members[step.at[place]])
            shard, key = self._batch.keys[member]
            time = int(step.time[place])
            reason = "duplicate" if time in recent[step.at[place]] else "late"
            self._outcome.rejected.append((member, reason, (shard, f"{key}:{time}")))

    def _rates(self, header: StateArray, step: _Step) -> _Step:
        """Turn counters into rates per second; a counter's first sample has none."""
        if self._batch.distributions and "buckets" in (self._array.dtype.names or ()):
            return self._quantiles(header, step)
        if self._rows is not None:
            return self._put_together(header, step, self._rows)
        counter = self._batch.counter[self._members[step.at]]
        if not counter.any():
            return step
        value = step.value.copy()
        mine = np.flatnonzero(counter)
        at = step.at[mine]
        first = header["last"][at] == 0
        old, new = header["raw"][at], step.value[mine]
        seconds = np.where(first, 1.0, (step.time[mine] - header["last"][at]) / 1000.0)
        with np.errstate(over="ignore"):  # a rate beyond all numbers is none
            grown, stands = increase(old, new)
            value[mine] = np.where(first, 0.0, grown) / seconds
        header["raw"][at] = np.where(first, new, stands)
        keep = np.isfinite(value)
        keep[mine] &= ~first
        return _Step(step.at[keep], step.time[keep], value[keep])

    def _quantiles(self, header: StateArray, step: _Step) -> _Step:
        """Turn histograms into quantiles of what was counted since the sample before."""
        value = np.full(len(step.at), np.nan)
        buckets = self._array["buckets"]
        for row, (at, time) in enumerate(zip(step.at.tolist(), step.time.tolist(), strict=True)):
            one = self._batch.distributions[int(self._members[at])]
            counts = one.counts[time]
            if header["raw"][at] == one.mark:
                growth, counts = grown(buckets[at, : len(counts)], counts)
                value[row] = quantile(one.q, one.bounds, growth)
            buckets[at] = 0.0
            buckets[at, : len(counts)] = counts
            header["raw"][at] = one.mark
        keep = np.isfinite(value)
        return _Step(step.at[keep], step.time[keep], value[keep])

    def _put_together(self, header: StateArray, step: _Step, rows: FloatArray) -> _Step:
        """Turn the counters of rows into rates; the first value stands for the row."""
        keep = []
        value = np.zeros(len(step.at))
        for place, (at, time) in enumerate(zip(step.at.tolist(), step.time.tolist(), strict=True)):
            one = self._batch.rows[int(self._members[at])]
            seconds = (time - int(header["last"][at])) / 1000.0
            kept = self._array["row"][at : at + 1]
            row = with_rates(kept, one.values[time], one.counter, seconds)
            if np.isfinite(row).all():
                rows[at, : len(row)] = row
                value[place] = row[0]
                keep.append(place)
        return _Step(step.at[keep], step.time[keep], value[keep])

    def _judge_step(self, header: StateArray, step: _Step) -> None:
        judge = self._judge
        whole = len(step.at) == len(self._array)
        state = self._array["state"] if whole else self._array["state"][step.at]
        order = np.argsort(step.at, kind="stable") if whole else np.arange(len(step.at))
        step = _Step(step.at[order], step.time[order], step.value[order])
        scores = judge.detector.score(state, step.time, step.value)
        if not whole:
            self._array["state"][step.at] = state
        judged = self._by_models(step, scores)
        scores = judged.scores
        line = self._line(header, step, judged)
        over = scores.evidence > line
        since = header["over_since"][step.at]
        since = np.where(over, np.where(since == 0, step.time, since), 0)
        header["over_since"][step.at] = since
        learned = judge.learned(header, step.at, step.time)
        alarm = over & judge.lets_through(judged.value, scores, learned | judged.by_model)
        alarm &= step.time - since >= judge.rule.duration * 1000
        header["count"][step.at] += 1
        for place in np.flatnonzero(alarm):
            self._alarm(step, int(place), judged, float(line[place]))
        self._follow(step, judged, over)

    def _by_models(self, step: _Step, scores: Scores) -> Judged:
        if self._modelled is not None:
            seen = step.value if self._rows is None else self._rows[step.at]
            return self._modelled.score(step.at, step.time, seen, scores)
        return Judged(scores, np.zeros(len(step.at), dtype=bool), lambda _: "", step.value)

    def _line(self, header: StateArray, step: _Step, judged: Judged) -> FloatArray:
        """Return the alarm line of each, shape (n,)."""
        base = self._judge.alarm_line
        if header["mark"].any():
            return line_of(base, header[step.at], step.time, judged.by_model)
        return np.where(judged.by_model, MODEL_LINE, base)

    def _follow(self, step: _Step, judged: Judged, over: NDArray[np.bool_]) -> None:
        if self._modelled is not None and judged.by_model.any():
            mine = np.flatnonzero(judged.by_model)
            above = judged.value[mine] >= judged.scores.expected[mine]
            self._modelled.follow(step.at[mine], step.time[mine], over[mine], above)

    def _alarm(self, step: _Step, place: int, judged: Judged, line: float) -> None:
        at, scores = int(step.at[place]), judged.scores
        series = self._batch.named(int(self._members[at]))
        time = int(step.time[place])
        evidence = float(scores.evidence[place])
        score = float(score_of(np.array([evidence]), np.array([line]))[0])
        name = judged.detector(place) if judged.by_model[place] else self._judge.name
        anomaly = Anomaly(
            id=derive("anomaly", self._domain, name, series.key, time),
            domain=self._domain,
            series=series.key,
            metric=series.metric,
            labels=dict(series.labels),
            service=series.service,
            role=series.role,
            edge=series.edge,
            time=time,
            value=float(judged.value[place]),
            expected=float(scores.expected[place]),
            lower=float(scores.lower[place]),
            upper=float(scores.upper[place]),
            detector=name,
            evidence=evidence,
            alarm_line=line,
            score=score,
            severity=severity_of(score),
            reason=self._reason(series.metric, step, place, scores),
        )
        content = anomaly.model_dump_json().encode()
        self._outputs.setdefault(at, []).append((f"{series.key}:{time}", content))

    def _reason(self, metric: str, step: _Step, place: int, scores: Scores) -> str:
        if self._rows is not None:
            return scores.explain(place)
        counter = bool(self._batch.counter[self._members[step.at[place]]])
        others = [float(each[place]) for each in (scores.expected, scores.lower, scores.upper)]
        unit = unit_of(metric, counter=counter)
        return with_units(scores.explain(place), unit, float(step.value[place]), others)

    def _ask(self) -> None:
        """Ask for models of series that have reached what it takes."""
        if self._modelled is None:
            return
        rule, header = self._judge.rule, self._array["header"]
        for at, reason in self._modelled.asks(self._accepted > 0):
            member = int(self._members[at])
            series = self._batch.named(member)
            request = TrainingRequested(
                series=series.key,
                head=SeriesHead(
                    metric=series.metric,
                    labels=dict(series.labels),
                    kind="counter" if self._batch.counter[member] else "gauge",
                ),
                detector=rule.detector,
                params={**rule.params, "together": list(rule.together)}
                if rule.together
                else rule.params,
                reason=reason,
                since=max(0, -int(header["since"][at])),
                requested_at=int(header["last"][at]),
            )
            self._outcome.asks.append((member, request))

    def _collect(self, before: StateArray) -> None:
        """Seal what changed and add a write for every series that accepted a sample."""
        seal(self._array)
        modes = self._modes(before["header"]["last"])
        size = self._judge.layout.itemsize
        end = ends(words(before), words(self._array))
        end[~self._known] = size
        packed = self._array.view(np.uint8).data
        written = np.flatnonzero(self._accepted)
        places = self._members[written].tolist()
        self._outcome.places += places
        self._outcome.accepted += self._accepted[written].tolist()
        keys, stored, outputs, kept = self._batch.keys, self._stored, self._outputs, self._kept
        for at, place, stop in zip(written.tolist(), places, end[written].tolist(), strict=True):
            shard, key = keys[place]
            found = stored[at]
            self._outcome.writes.append(
                Write(
                    shard,
                    key,
                    b"" if found is None else found[:NONCE_BYTES],
                    packed[at * size : at * size + stop].tobytes(),
                    modes[at],
                    tuple(outputs[at]) if at in outputs else (),
                    _chunks(kept[at]) if at in kept else (),
                )
            )

    def _modes(self, last: TimeArray) -> list[Mode]:
        """Return how each record is written; a lifetime begins anew with each day of samples."""
        renewed = last // RENEWAL_MS != self._array["header"]["last"] // RENEWAL_MS
        chosen = np.where(self._known, np.where(renewed, 1, 0), 2)
        return [_MODES[mode] for mode in chosen.tolist()]


def _chunks(pieces: Sequence[tuple[int, bytes]]) -> tuple[tuple[int, bytes], ...]:
    """Return pieces of history, one of each chunk."""
    chunks: dict[int, bytes] = {}
    for chunk, packed in pieces:
        chunks[chunk] = chunks.get(chunk, b"") + packed
    return tuple(chunks.items())


MODEL_LINE = 1.0
"""The evidence of every model is 1 on its line."""

_MODES = (Mode.PATCH, Mode.RENEW, Mode.WHOLE)
