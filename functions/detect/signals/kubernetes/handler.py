"""Events of Kubernetes in; anomalies and changes out, each under the name of what it is.

Nothing is kept: an Event says itself how often it happened. What is published before a crash is
published again after it, under the same ids.
"""

from collections import Counter
from dataclasses import dataclass

from aiops import topics
from aiops.adapters.serve import child_trace
from aiops.alerts import messages
from aiops.errors import Rejected
from aiops.events import Anomaly, ChangeObserved
from aiops.ids import derive
from aiops.ports import Counts, Event, Message, Publisher
from functions.detect.signals.kubernetes.event import KubernetesEvent, read_events
from functions.detect.signals.kubernetes.judging import EventJudge

PREFIX = "dev.knative.apiserver."
"""How the types of ApiServerSource begin.

Source: knative/eventing, pkg/apis/sources/constants.go.
"""

TAKEN = frozenset((f"{PREFIX}resource.add", f"{PREFIX}resource.update"))
SOURCE = "/aiops/detect/kubernetes-events"


@dataclass(frozen=True, slots=True)
class KubernetesEventHandler:
    """Handles Events, however they come.

    Attributes:
        judge: Tells what they are.
        publisher: Where what they are goes.
        max_future: Milliseconds one may lie after the time it was sent.
    """

    judge: EventJudge
    publisher: Publisher
    max_future: int

    def __call__(self, event: Event) -> Counts:
        """Publish what an event tells of.

        Raises:
            Rejected: it is no Event of Kubernetes.
            Unavailable: something could not be published.
        """
        if event.type == f"{PREFIX}resource.delete":
            return Counter(deleted=1)
        if event.type.startswith(PREFIX):
            if event.type not in TAKEN:
                raise Rejected("type: a reference is not enough; give the source mode: Resource")
            if event.extensions.get("kind", "Event") != "Event":
                return Counter(other_kind=1)
        found, counts = read_events(event.data)
        anomalies: list[Anomaly] = []
        changes: list[tuple[KubernetesEvent, ChangeObserved]] = []
        for one in found:
            time = event.time if one.time is None else one.time
            counts[self._judged(one, time, event.time, anomalies, changes)] += 1
        self._publish(event, anomalies, changes)
        return counts

    def _judged(
        self,
        one: KubernetesEvent,
        time: int,
        sent: int,
        anomalies: list[Anomaly],
        changes: list[tuple[KubernetesEvent, ChangeObserved]],
    ) -> str:
        """Add what an Event is to one of two lists; return what to count."""
        if time < sent - self.judge.config.max_age * 1000:
            return "relisted"
        if time > sent + self.max_future:
            return "future"
        anomaly = self.judge.anomaly(one, time)
        if isinstance(anomaly, str):
            return anomaly
        if anomaly is not None:
            anomalies.append(anomaly)
            return "anomalies"
        change = self.judge.change(one, time)
        if change is None:
            return "ordinary"
        changes.append((one, change))
        return "changes"

    def _publish(
        self,
        cause: Event,
        anomalies: list[Anomaly],
        changes: list[tuple[KubernetesEvent, ChangeObserved]],
    ) -> None:
        extensions = {"causationid": cause.id, **child_trace(cause, "detect")}
        told = [
            *messages(anomalies, self.judge.domain, cause.time, SOURCE, extensions),
            *(self._change(cause, one, change, extensions) for one, change in changes),
        ]
        if told:
            self.publisher.publish(told)

    def _change(
        self,
        cause: Event,
        one: KubernetesEvent,
        change: ChangeObserved,
        extensions: dict[str, str],
    ) -> Message:
        return Message(
            topics.CONTROL,
            change.service,
            Event(
                id=derive("kubernetes_change", self.judge.domain, one.uid, one.count),
                source=SOURCE,
                type=ChangeObserved.type,
                time=cause.time,
                data=change.model_dump_json().encode(),
                subject=change.service,
                extensions=extensions,
            ),
        )
