"""The series of a batch that one rule judges: samples in, alarms and writes out. Pure."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from aiops.detection import Detector, FloatArray, Scores, StateArray, TimeArray
from aiops.events import SeriesHead, TrainingRequested
from functions.detect.alarm import Alarms
from functions.detect.batch import Batch
from functions.detect.fitted import Fleet, Needed
from functions.detect.judge import Judge
from functions.detect.lines import line_of
from functions.detect.modelled import Judged, Modelled
from functions.detect.outcome import Known, Outcome, Step
from functions.detect.record import unpack
from functions.detect.relearning import recall, relearn
from functions.detect.sealing import Before, Made, collect
from functions.detect.values import Values

MODEL_LINE = 1.0
"""The evidence of every model is 1 on its line."""


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
        self._judge, self._batch, self._members = judge, batch, members
        self._outcome = Outcome()
        self._stored = [records[member] for member in members]
        self._array, self._known = unpack(self._stored, judge.layout, judge.kind)
        self._values = Values(batch, members, self._array, len(judge.rule.together))
        self._alarms = Alarms(judge, domain, batch, members)
        self._made = Made(np.zeros(len(members), dtype=np.int64))
        self._modelled: Modelled | None = None
        self._changed: TimeArray | None = None
        self._before = Before(self._stored, self._array, self._known)

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

    @property
    def detector(self) -> Detector:
        """Return what scores these series where no model does."""
        return self._judge.detector

    def begin(self, known: Known, outcome: Outcome) -> None:
        """Take in what is known besides, before the first sample; results go to `outcome`."""
        self._outcome = outcome
        self._before = Before(self._stored, self._array.copy(), self._known)
        header = self._array["header"]
        recall(header, np.flatnonzero(~self._known), self.made_anew(), known.verdicts)
        self._changed = self._changes(known.changes)
        if self._judge.rule.modelled:
            fleet = known.fleet or Fleet([None] * len(header))
            self._modelled = Modelled(self._judge.rule, header, self._array["track"], fleet)

    def take(self, turn: NDArray[np.bool_]) -> Step | None:
        """Take samples in and return what of it is to be judged, None where nothing is.

        Args:
            turn: Which samples of the batch, at most one of each series.
        """
        position = np.full(len(self._batch.keys), -1)
        position[self._members] = np.arange(len(self._members))
        at = position[self._batch.row]
        mine = np.flatnonzero(turn & (at >= 0))
        step = self._taken(Step(at[mine], self._batch.time[mine], self._batch.value[mine]))
        if step is None or len(step.at) == 0:
            return None
        return step.only(np.argsort(step.at, kind="stable")) if self._is_whole(step) else step

    def state(self, step: Step) -> StateArray:
        """Return the states of the series of a step, shape (n,)."""
        return self._array["state"] if self._is_whole(step) else self._array["state"][step.at]

    def judge(self, step: Step, scores: Scores, state: StateArray) -> None:
        """Raise the alarms of a step, and note what there is to be noted.

        Args:
            step: As it was taken.
            scores: What the detector says of it.
            state: As the detector left them, shape (n,).
        """
        if not np.may_share_memory(state, self._array):
            self._array["state"][step.at] = state
        self._judge_step(self._array["header"], step, scores)

    def end(self) -> None:
        """Ask for models, and add the writes to the outcome, after the last sample."""
        self._ask()
        named = (self._batch.keys, self._members)
        collect(self._outcome, named, self._before, self._array, self._made)

    def _is_whole(self, step: Step) -> bool:
        return len(step.at) == len(self._array)

    def _changes(self, changes: Mapping[str, int]) -> TimeArray | None:
        """Return when the service of each series was last changed, None where none ever was."""
        if not changes or not self._judge.rule.relearn_on_change:
            return None
        services = [self._batch.service[member] for member in self._members.tolist()]
        return np.array([changes.get(name, 0) for name in services], dtype=np.int64)

    def _taken(self, step: Step) -> Step | None:
        header = self._array["header"]
        fresh = step.time > header["last"][step.at]
        if not fresh.all():
            self._reject(step, np.flatnonzero(~fresh))
            step = step.only(np.flatnonzero(fresh))
        if len(step.at) == 0:
            return None
        self._made.accepted[step.at] += 1
        if self._changed is not None:
            relearn(self._array, self._changed, step)
        scorable = self._values.of(step)
        if self._judge.rule.kept:
            length = int(self._judge.rule.history_step * 1000)
            self._made.keep(header["last"], scorable, self._values, length)
        header["last"][step.at] = step.time
        recent = header["recent"]
        recent[step.at, 1:] = recent[step.at, :-1]
        recent[step.at, 0] = step.time
        if not self._known.all():
            since = header["since"][step.at]
            header["since"][step.at] = np.where(since == 0, step.time, since)
        return scorable

    def _reject(self, step: Step, places: NDArray[np.int64]) -> None:
        recent = self._array["header"]["recent"]
        for place in places:
            member = int(self._members[step.at[place]])
            shard, key = self._batch.keys[member]
            time = int(step.time[place])
            reason = "duplicate" if time in recent[step.at[place]] else "late"
            self._outcome.rejected.append((member, reason, (shard, f"{key}:{time}")))

    def _judge_step(self, header: StateArray, step: Step, scores: Scores) -> None:
        judge = self._judge
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
        for place in np.flatnonzero(alarm).tolist():
            anomaly = self._alarms.of(step, place, judged, float(line[place]))
            output = (f"{anomaly.series}:{anomaly.time}", anomaly.model_dump_json().encode())
            self._made.outputs.setdefault(int(step.at[place]), []).append(output)
        self._follow(step, judged, over)

    def _by_models(self, step: Step, scores: Scores) -> Judged:
        if self._modelled is not None:
            scored = self._values.scored(step)
            return self._modelled.score(step.at, step.time, scored, scores)
        return Judged(scores, np.zeros(len(step.at), dtype=bool), lambda _: "", step.value)

    def _line(self, header: StateArray, step: Step, judged: Judged) -> FloatArray:
        """Return the alarm line of each, shape (n,)."""
        base = self._judge.alarm_line
        if header["mark"].any():
            return line_of(base, header[step.at], step.time, judged.by_model)
        return np.where(judged.by_model, MODEL_LINE, base)

    def _follow(self, step: Step, judged: Judged, over: NDArray[np.bool_]) -> None:
        if self._modelled is not None and judged.by_model.any():
            mine = np.flatnonzero(judged.by_model)
            above = judged.value[mine] >= judged.scores.expected[mine]
            self._modelled.follow(step.at[mine], step.time[mine], over[mine], above)

    def _ask(self) -> None:
        """Ask for models of series that have reached what it takes."""
        if self._modelled is None:
            return
        rule, header = self._judge.rule, self._array["header"]
        for at, reason in self._modelled.asks(self._made.accepted > 0):
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
                params=rule.fit_params,
                reason=reason,
                since=max(0, -int(header["since"][at])),
                requested_at=int(header["last"][at]),
            )
            self._outcome.asks.append((member, request))
