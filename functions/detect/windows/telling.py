"""What came of a service's records, as events that are published. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from aiops import topics
from aiops.alerts import plain
from aiops.detection import severity_of
from aiops.events import AnomaliesDetected, Anomaly, Samples, SeriesHead
from aiops.ids import derive
from aiops.ports import Event, Message
from aiops.series import Series, SeriesMap
from functions.detect.settling import Output
from functions.detect.windows.fold import Counted
from functions.detect.windows.tally import Sighting

DETECTOR = "log_template"

BATCH = 500
"""Samples in one event."""

SCORE = 0.6
"""Of an error its service never had; its middle severity is for people to change by a policy."""

SOURCE = "/aiops/detect/windows"

_SAMPLES, _ANOMALY = "s", "a"


@dataclass(frozen=True, slots=True)
class Telling:
    """Puts what was counted into events.

    Attributes:
        names: How series are read.
        domain: Whose they are.
    """

    names: SeriesMap
    domain: str

    def samples(self, service: str, counted: Sequence[Counted]) -> Iterator[Output]:
        """Yield the values of minutes that are over, in the order of time."""
        for start in range(0, len(counted), BATCH):
            part = counted[start : start + BATCH]
            yield f"{_SAMPLES}:{service}:{part[-1].time}:{start}", self._samples(service, part)

    def anomaly(self, service: str, template: str, seen: Sighting) -> Output | None:
        """Return the anomaly that a new error is, None where its series cannot be taken."""
        metric, labels = seen.row
        series = self.names.read(SeriesHead(metric=metric, labels=self._labels(service, labels)))
        if isinstance(series, str):
            return None
        found = self._made(series, template, seen)
        return f"{_ANOMALY}:{found.id}", found.model_dump_json().encode()

    def messages(
        self, outputs: Sequence[Output], cause: Event, extensions: Mapping[str, str]
    ) -> list[Message]:
        """Return the events that carry outputs, in their order."""
        return [self.message(one, cause.time, extensions) for one in outputs]

    def message(self, output: Output, now: int, extensions: Mapping[str, str]) -> Message:
        """Return the event that carries an output; a repeat has the same id.

        Args:
            output: As it was stored.
            now: Time of the event that is the reason, unix milliseconds.
            extensions: Of the event.
        """
        name, data = output
        kind, _, rest = name.partition(":")
        if kind == _ANOMALY:
            body = b'{"anomalies":[' + data + b"]}"
            return self._event(topics.ANOMALIES, self.domain, (name, body), now, extensions)
        service = rest.rsplit(":", 2)[0]
        return self._event(topics.METRICS, f"windows:{service}", output, now, extensions)

    def _event(
        self,
        topic: str,
        subject: str,
        output: Output,
        now: int,
        extensions: Mapping[str, str],
    ) -> Message:
        name, data = output
        event = Event(
            id=derive("windows", self.domain, name),
            source=SOURCE,
            type=Samples.type if topic == topics.METRICS else AnomaliesDetected.type,
            time=now,
            data=data,
            subject=subject,
            extensions=extensions,
        )
        return Message(topic, subject, event)

    def _samples(self, service: str, counted: Sequence[Counted]) -> bytes:
        rows = list(dict.fromkeys(one.row for one in counted))
        place = {row: n for n, row in enumerate(rows)}
        fact: dict[str, object] = {
            "series": [
                {"metric": metric, "labels": self._labels(service, labels), "kind": "gauge"}
                for metric, labels in rows
            ],
            "samples": [(place[one.row], one.time, one.value) for one in counted],
        }
        exemplars = [(n, id_) for n, one in enumerate(counted) for id_ in one.exemplars]
        return orjson.dumps(fact | ({"exemplars": exemplars} if exemplars else {}))

    def _labels(self, service: str, labels: Sequence[tuple[str, str]]) -> dict[str, str]:
        return {self.names.service_from[0]: service, **dict(labels)}

    def _made(self, series: Series, template: str, seen: Sighting) -> Anomaly:
        trace = f"; trace {seen.exemplar}" if seen.exemplar else ""
        return Anomaly(
            id=derive("anomaly", self.domain, DETECTOR, series.key, seen.time),
            domain=self.domain,
            series=series.key,
            metric=series.metric,
            labels=dict(series.labels),
            service=series.service,
            role="errors",
            edge=series.edge,
            time=seen.time,
            value=1.0,
            expected=0.0,
            lower=0.0,
            upper=0.0,
            detector=DETECTOR,
            evidence=1 / (1 - SCORE),
            alarm_line=1.0,
            score=SCORE,
            severity=severity_of(SCORE),
            reason=plain(f"its logs have a new error: {seen.text}") + trace,
            template=template,
            exemplars=(seen.exemplar,) if seen.exemplar else (),
        )
