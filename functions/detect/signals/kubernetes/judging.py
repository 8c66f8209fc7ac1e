"""What an Event is: an anomaly of its object's workload, a change of it, or neither. Pure."""

import re
from dataclasses import dataclass

from aiops.alerts import SCORES, plain
from aiops.events import Anomaly, ChangeObserved, SeriesHead
from aiops.ids import derive
from aiops.series import Series, SeriesMap
from functions.detect.signals.kubernetes.config import (
    EventAnomaly,
    EventChange,
    EventSelector,
    KubernetesEvents,
)
from functions.detect.signals.kubernetes.event import KubernetesEvent
from functions.detect.signals.kubernetes.workload import workload_of
from functions.detect.signals.kubernetes.written import MAX_NAME

DETECTOR = "kubernetes_events"
_OWNERS = ("Deployment", "StatefulSet", "DaemonSet")


@dataclass(frozen=True, slots=True)
class EventJudge:
    """Tells what Events are.

    Attributes:
        config: Which of them are what.
        names: How series are read, and which labels may name a service.
        domain: Whose they are.
    """

    config: KubernetesEvents
    names: SeriesMap
    domain: str

    def service(self, event: KubernetesEvent) -> str:
        """Return the service an Event speaks of: what its object says, or its workload."""
        said = {re.sub(r"\W", "_", name): value for name, value in event.labels.items()}
        known = (said[name] for name in self.names.service_from if said.get(name))
        owner = workload_of(event.kind, event.name, event.owner, event.node)
        return plain(next(known, owner.name))[:MAX_NAME] or "unknown"

    def anomaly(self, event: KubernetesEvent, time: int) -> Anomaly | str | None:
        """Return the anomaly an Event is; None where it is none, or why it cannot be taken.

        What was told once is the same anomaly however often it is told: it is named by the Event
        and how often that happened by then.

        Args:
            event: The Event.
            time: When it happened, unix milliseconds.
        """
        rule = next((one for one in self.config.anomalies if _matches(one, event)), None)
        if rule is None or event.count < rule.from_count:
            return None
        head = SeriesHead(metric=f"kubernetes_{rule.name}", labels=self._labels(event))
        series = self.names.read(head)
        return series if isinstance(series, str) else self._made(event, rule, series, time)

    def change(self, event: KubernetesEvent, time: int) -> ChangeObserved | None:
        """Return the change an Event tells of, None where it tells of none."""
        rule: EventChange | None
        rule = next((one for one in self.config.changes if _matches(one, event)), None)
        if rule is None:
            return None
        summary = plain(f"{_title(event)}: {event.message}")
        return ChangeObserved(
            service=self.service(event), kind=rule.change, summary=summary, observed_at=time
        )

    def _made(
        self, event: KubernetesEvent, rule: EventAnomaly, series: Series, time: int
    ) -> Anomaly:
        score = SCORES[rule.severity - 1]
        times = f", {event.count} times by now" if event.count > 1 else ""
        return Anomaly(
            id=derive("kubernetes_event", self.domain, event.uid, event.count),
            domain=self.domain,
            series=series.key,
            metric=series.metric,
            labels=dict(series.labels),
            service=series.service,
            role=rule.role,
            time=time,
            value=float(event.count),
            expected=0.0,
            lower=0.0,
            upper=rule.from_count - 1.0,
            detector=DETECTOR,
            evidence=1 / (1 - score),
            alarm_line=1.0,
            score=score,
            severity=rule.severity,
            reason=plain(f"{_title(event)} {rule.says}{times}: {event.message}"),
        )

    def _labels(self, event: KubernetesEvent) -> dict[str, str]:
        """Return what tells where it happened, by the names that series of metrics use as well."""
        owner = workload_of(event.kind, event.name, event.owner, event.node)
        labels = {
            self.names.service_from[0]: self.service(event),
            "namespace": event.namespace,
            "kind": event.kind,
            "reason": event.reason,
            "node": event.node,
            "container": event.container,
        }
        if event.kind == "Pod":
            labels["pod"] = event.name
        if owner.kind in _OWNERS:
            labels[owner.kind.lower()] = owner.name
        return {name: plain(value) for name, value in labels.items() if value}


def _matches(selector: EventSelector, event: KubernetesEvent) -> bool:
    return (
        re.fullmatch(selector.reason, event.reason) is not None
        and re.fullmatch(selector.kind, event.kind) is not None
        and re.fullmatch(selector.object, event.name) is not None
        and re.search(selector.message, event.message) is not None
    )


def _title(event: KubernetesEvent) -> str:
    place = f"{event.namespace}/" if event.namespace else ""
    return f"{event.kind} {place}{event.name}"
