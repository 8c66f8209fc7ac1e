"""A batch of samples and the records of their series in, new records and anomalies out. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aiops.detection import (
    FloatArray,
    Scores,
    StateArray,
    TimeArray,
    score_of,
    severity_of,
)
from aiops.events import Anomaly
from aiops.ids import derive
from aiops.series_store import NONCE_BYTES, Field, Mode, Write
from functions.detect.batch import Batch
from functions.detect.config import DetectConfig
from functions.detect.judge import Judge
from functions.detect.record import ends, seal, unpack, words

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
    """

    writes: list[Write] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    accepted: list[int] = field(default_factory=list)
    rejected: list[tuple[int, str, Field]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Step:
    """One sample each of some series of a group.

    Attributes:
        at: Positions in the group, shape (n,).
    """

    at: NDArray[np.int64]
    time: TimeArray
    value: FloatArray


class Scorer:
    """Scores batches by the rules of a configuration."""

    def __init__(self, config: DetectConfig, domain: str) -> None:
        rules = (*config.rules, config.default)
        self._judges = tuple(Judge.of(rule) for rule in rules)
        self._domain = domain

    def score(self, batch: Batch, records: Sequence[bytes | None]) -> Outcome:
        """Score every sample later than the last accepted one of its series, oldest first.

        Args:
            batch: The samples.
            records: What is stored of each of the batch's series.
        """
        outcome = Outcome()
        rank = batch.rank
        for which in np.unique(batch.rule):
            members = np.flatnonzero(batch.rule == which)
            group = _Group(self._judges[which], self._domain, batch, members, records, outcome)
            group.run(rank)
        return outcome


class _Group:
    """The series of a batch that one judge judges."""

    def __init__(  # noqa: PLR0913, PLR0917 - made in one place
        self,
        judge: Judge,
        domain: str,
        batch: Batch,
        members: NDArray[np.int64],
        records: Sequence[bytes | None],
        outcome: Outcome,
    ) -> None:
        self._judge, self._domain, self._batch, self._members = judge, domain, batch, members
        self._outcome = outcome
        self._stored = [records[member] for member in members]
        self._array, self._known = unpack(self._stored, judge.layout, judge.kind)
        self._outputs: dict[int, list[tuple[str, bytes]]] = {}
        self._accepted = np.zeros(len(members), dtype=np.int64)

    def run(self, rank: NDArray[np.int64]) -> None:
        before = self._array.copy()
        position = np.full(len(self._batch.keys), -1)
        position[self._members] = np.arange(len(self._members))
        at = position[self._batch.row]
        for turn in range(int(rank.max(initial=-1)) + 1):
            mine = np.flatnonzero((rank == turn) & (at >= 0))
            step = _Step(at[mine], self._batch.time[mine], self._batch.value[mine])
            self._take(step)
        self._collect(before)

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
        scorable = self._rates(header, step)
        header["last"][step.at] = step.time
        recent = header["recent"]
        recent[step.at, 1:] = recent[step.at, :-1]
        recent[step.at, 0] = step.time
        if len(scorable.at):
            self._judge_step(header, scorable)

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
            value[mine] = np.where(new >= old, new - old, new) / seconds
        header["raw"][at] = new
        keep = np.isfinite(value)
        keep[mine] &= ~first
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
        over = scores.evidence > judge.alarm_line
        since = header["over_since"][step.at]
        since = np.where(over, np.where(since == 0, step.time, since), 0)
        header["over_since"][step.at] = since
        alarm = over & judge.lets_through(step.value, scores, header["count"][step.at])
        alarm &= step.time - since >= judge.rule.duration * 1000
        header["count"][step.at] += 1
        for place in np.flatnonzero(alarm):
            self._alarm(int(step.at[place]), step, int(place), scores)

    def _alarm(self, at: int, step: _Step, place: int, scores: Scores) -> None:
        judge = self._judge
        series = self._batch.named(int(self._members[at]))
        time = int(step.time[place])
        evidence = scores.evidence[place : place + 1]
        score = float(score_of(evidence, np.array([judge.alarm_line]))[0])
        anomaly = Anomaly(
            id=derive("anomaly", self._domain, judge.rule.detector, series.key, time),
            domain=self._domain,
            series=series.key,
            metric=series.metric,
            labels=dict(series.labels),
            service=series.service,
            role=series.role,
            edge=series.edge,
            time=time,
            value=float(step.value[place]),
            expected=float(scores.expected[place]),
            lower=float(scores.lower[place]),
            upper=float(scores.upper[place]),
            detector=judge.rule.detector,
            evidence=float(evidence[0]),
            alarm_line=judge.alarm_line,
            score=score,
            severity=severity_of(score),
            reason=scores.explain(place),
        )
        content = anomaly.model_dump_json().encode()
        self._outputs.setdefault(at, []).append((f"{series.key}:{time}", content))

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
        keys, stored, outputs = self._batch.keys, self._stored, self._outputs
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
                )
            )

    def _modes(self, last: TimeArray) -> list[Mode]:
        """Return how each record is written; a lifetime begins anew with each day of samples."""
        renewed = last // RENEWAL_MS != self._array["header"]["last"] // RENEWAL_MS
        chosen = np.where(self._known, np.where(renewed, 1, 0), 2)
        return [_MODES[mode] for mode in chosen.tolist()]


_MODES = (Mode.PATCH, Mode.RENEW, Mode.WHOLE)
