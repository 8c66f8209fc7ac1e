"""How often Events of each reason happen to the workloads of a cluster, by the minute. Pure."""

from dataclasses import dataclass

from aiops.alerts import plain
from aiops.ports import Event
from functions.detect.signals.kubernetes.event import KubernetesEvent, read_events
from functions.detect.signals.kubernetes.judging import EventJudge
from functions.detect.windows.tally import Tally

METRIC = "kubernetes_events"


@dataclass(frozen=True, slots=True)
class EventCounts:
    """Counts Events by service, kind of object, reason and type.

    Attributes:
        judge: Knows which service they are of, and how old they may be.
    """

    judge: EventJudge

    def tally(self, event: Event) -> Tally:
        """Return how often the Events of a record happened.

        Raises:
            Rejected: there is no Event in it.
        """
        tally = Tally()
        found, _ = read_events(event.data)
        for one in found:
            time = event.time if one.time is None else one.time
            if time >= event.time - self.judge.config.max_age * 1000:
                service = tally.services[self.judge.service(one)]
                service.total(one.uid, time, (METRIC, _labels(one)), one.count)
        return tally


def _labels(event: KubernetesEvent) -> tuple[tuple[str, str], ...]:
    told = {
        "kind": event.kind,
        "namespace": event.namespace,
        "reason": event.reason,
        "type": event.type,
    }
    return tuple((name, plain(value)) for name, value in told.items() if value)
