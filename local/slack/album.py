"""An incident of a recording told by `act` to a workspace, as it goes on."""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiops.adapters.memory_action_log import MemoryActionLog
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.clock import ManualClock, SystemClock
from aiops.events import INCIDENT_TYPES, Incident, WorkDue
from aiops.history import History
from aiops.ids import derive
from aiops.ports import Event
from aiops.series import Series, SeriesMap
from functions.act.allowed import Allowed
from functions.act.channel import Delivery
from functions.act.config import ActConfig, ChannelRule
from functions.act.connecting import Connector
from functions.act.handler import ActHandler
from functions.act.performer import Performer
from functions.act.plots.illustrator import HistoryIllustrator, Illustrated
from functions.act.sender import CALL_SECONDS, Calls, HttpSender
from functions.act.wiring import open_channels
from local.explain.curves import heard
from local.in_process import InProcess
from local.recording import Recording
from local.replay import replay_through

CHANNEL = "slack_bot"


@dataclass(frozen=True, slots=True)
class Recorded:
    """The samples of a recording as a store of history that knows nothing of the future.

    Attributes:
        series: By key.
        clock: Nothing later than this is known.
    """

    series: Mapping[str, tuple[Series, History]]
    clock: ManualClock

    def read(self, places: Sequence[tuple[int, str]], since: int, until: int) -> list[History]:
        """Return the points of series, up to now."""
        empty = History.of(b"")
        found = (self.series.get(key) for _, key in places)
        latest = min(until, self.clock.ms + 1)
        return [one[1].between(since, latest) if one else empty for one in found]

    def backfill(self, shard: int, series: str, history: History) -> int:  # noqa: ARG002 - as it is
        """Add nothing: a recording is what it is."""
        return 0


@dataclass(slots=True)
class Versions:
    """Every snapshot of every incident of a recording, in the order they came.

    Attributes:
        seen: Time and snapshot.
    """

    seen: list[tuple[int, Incident]] = field(default_factory=list)
    _last: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, recording: Recording) -> "Versions":
        """Send a recording through the pipeline and look after each batch."""
        versions, pipeline = cls(), InProcess.of({}, recording.calls)
        replay_through(pipeline, [recording], progress=lambda _: versions._look(pipeline))
        return versions

    def _look(self, pipeline: InProcess) -> None:
        for one in pipeline.incidents.values():
            if self._last.get(one.id) != one.version:
                self._last[one.id] = one.version
                self.seen.append((pipeline.clock.ms, one))

    def of_one(self, incident: str) -> list[tuple[int, Incident]]:
        """Return the snapshots of one incident."""
        return [(at, one) for at, one in self.seen if one.id == incident]


class Teller:
    """`act` over a log in memory, told of one incident snapshot by snapshot."""

    def __init__(
        self, environment: Mapping[str, str], clock: ManualClock, history: Recorded
    ) -> None:
        self.clock = clock
        self.log = MemoryActionLog(timer=time.monotonic)
        self._sender = HttpSender(Connector(Allowed.parse("127.0.0.0/8")))
        config = ActConfig(channels=(ChannelRule(channel=CHANNEL),))
        channels, off = open_channels(config, environment.get)
        self.channel = channels[CHANNEL]
        if isinstance(self.channel, Illustrated):
            self.channel.illustrate(HistoryIllustrator(lambda: history))
        performer = Performer(
            log=self.log,
            sender=self._sender,
            channels=channels,
            off=off,
            clock=clock,
            timer=time.monotonic,
            unix_time=SystemClock().now,
            new_token=lambda: uuid.uuid4().hex,
            give_up_after=config.give_up_after,
            merge_wait=config.merge_wait,
        )
        self._handler = ActHandler(self.log, performer, MemoryPublisher(), clock, config)

    def tell(self, at: int, incident: Incident) -> None:
        """Tell of a snapshot at a time, and let the clock do what is still due."""
        self.clock.ms = at
        self._handler(_event(INCIDENT_TYPES[1], at, incident.model_dump_json().encode()))
        due = WorkDue(stage="act", now=at)
        self._handler(_event(WorkDue.type, at, due.model_dump_json().encode()))

    def propose(self, incident: Incident, words: str) -> None:
        """Tell of a run of a runbook that waits for consent."""
        record = self.log.read(incident.id)
        if record is None:
            return
        run = derive("run", incident.id)
        opened = record.on(CHANNEL)[0]
        update = {"id": derive("step", run), "kind": "run_proposed", "reason": words, "run": run}
        receipt = record.receipts.get(CHANNEL, {})
        delivery = Delivery(opened.model_copy(update=update), incident, int(time.time()), receipt)
        ends = time.monotonic() + CALL_SECONDS
        self.channel.deliver(delivery, Calls(self._sender, time.monotonic, ends))


def samples_of(recording: Recording, incidents: Sequence[Incident]) -> Callable[[ManualClock], Any]:
    """Return what makes a store of the samples that incidents rest on."""
    wanted = {piece.peak.series for one in incidents for piece in one.evidence}
    series = heard([recording], wanted, SeriesMap())
    return lambda clock: Recorded(series, clock)


def _event(kind: str, at: int, data: bytes) -> Event:
    return Event(uuid.uuid4().hex, "/aiops/local", kind, at, data)
