"""From evidence over the line to the anomaly that is told of. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aiops.detection import score_of, severity_of
from aiops.events import Anomaly
from aiops.ids import derive
from aiops.series import Series
from functions.detect.batch import Batch
from functions.detect.judge import Judge
from functions.detect.modelled import Judged
from functions.detect.outcome import Step
from functions.detect.units import unit_of, with_units

OF_LOGS = frozenset(("log_error_lines", "log_template_lines"))
"""Series that count lines of one template each."""


@dataclass(frozen=True, slots=True)
class Alarms:
    """Puts into words what was found of the series of a group.

    Attributes:
        members: Which series of the batch the group has, shape (n,).
    """

    judge: Judge
    domain: str
    batch: Batch
    members: NDArray[np.int64]

    def of(self, step: Step, place: int, judged: Judged, line: float) -> Anomaly:
        """Return the anomaly that one of some samples is.

        Args:
            step: The samples.
            place: Which of them.
            judged: What was said of all of them.
            line: The alarm line of its series.
        """
        member = int(self.members[step.at[place]])
        series = self.batch.named(member)
        scores, time = judged.scores, int(step.time[place])
        evidence = float(scores.evidence[place])
        score = float(score_of(np.array([evidence]), np.array([line]))[0])
        exemplars = self.batch.exemplars.get((member, time), ())
        trace = f"; trace {exemplars[0]}" if exemplars else ""
        name = judged.detector(place) if judged.by_model[place] else self.judge.name
        return Anomaly(
            id=derive("anomaly", self.domain, name, series.key, time),
            domain=self.domain,
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
            reason=self._reason(series, member, place, judged) + trace,
            template=dict(series.labels).get("template") if series.metric in OF_LOGS else None,
            exemplars=exemplars,
        )

    def _reason(self, series: Series, member: int, place: int, judged: Judged) -> str:
        scores = judged.scores
        if self.judge.rule.together:
            return scores.explain(place)
        others = [float(each[place]) for each in (scores.expected, scores.lower, scores.upper)]
        unit = unit_of(series.metric, counter=bool(self.batch.counter[member]))
        return with_units(scores.explain(place), unit, float(judged.value[place]), others)
