"""Lets a course meet the autoscaler, without a clock: what happens next is what is looked at."""

import heapq
from collections import deque
from itertools import count

from bench.autoscaler.courses import Course
from bench.autoscaler.delivery import Cluster, Lane
from bench.autoscaler.idleness import Idleness
from bench.autoscaler.kpa import Autoscaler
from bench.autoscaler.outcome import Outcome, Second
from bench.autoscaler.pods import Pod, Pods
from bench.autoscaler.settings import TICK, Settings

_ARRIVED, _FINISHED, _READY, _AGAIN, _SECOND = range(5)
_Event = tuple[float, int, int, Lane | None, Pod | None]


class Simulation:
    """One course, one setting."""

    def __init__(self, course: Course, settings: Settings, cluster: Cluster) -> None:
        """Prepare a run."""
        self._course, self._settings, self._cluster = course, settings, cluster
        self._lanes = [Lane() for _ in range(max(cluster.lanes) + 1)]
        self._lane_of = [self._lanes[partition] for partition in cluster.lanes]
        self._autoscaler = Autoscaler(settings)
        self._idleness = Idleness(settings)
        self._pods = Pods(cluster.start, settings.concurrency)
        self._activator: deque[Lane] = deque()
        self._events: list[_Event] = []
        self._number = count()
        self._arrivals = iter(course.arrivals)
        self._in_flight, self._area, self._changed = 0, 0.0, 0.0
        self._slowest = 0.0
        self.outcome = Outcome()

    def run(self) -> Outcome:
        """Return what came of the course."""
        self._arrive_next()
        self._scale(self._settings.least, 0.0)
        self._push(1.0, _SECOND)
        events = self._events
        while events and events[0][0] <= self._course.until:
            now, _, kind, lane, pod = heapq.heappop(events)
            if kind == _ARRIVED and lane is not None:
                self._arrived(lane, now)
            elif kind == _FINISHED and lane is not None and pod is not None:
                self._finished(lane, pod, now)
            elif kind == _AGAIN and lane is not None:
                self._send(lane, now)
            elif kind == _READY:
                self._serve_waiting(now)
            else:
                self._second(now)
        self.outcome.waiting = sum(len(lane.waiting) for lane in self._lanes)
        self.outcome.pod_seconds = self._pods.seconds(self._course.until)
        return self.outcome

    def _push(self, at: float, kind: int, lane: Lane | None = None, pod: Pod | None = None) -> None:
        heapq.heappush(self._events, (at, next(self._number), kind, lane, pod))

    def _arrive_next(self) -> None:
        following = next(self._arrivals, None)
        if following is not None:
            at, shard = following
            self._push(at, _ARRIVED, self._lane_of[shard])

    def _arrived(self, lane: Lane, now: float) -> None:
        self.outcome.arrived += 1
        lane.waiting.append(now)
        if not lane.busy:
            self._send(lane, now)
        self._arrive_next()

    def _send(self, lane: Lane, now: float) -> None:
        """Send a partition's first record: to an instance, else it waits in the activator."""
        lane.busy, lane.sent = True, now
        self._count(1, now)
        self._activator.append(lane)
        self._serve_waiting(now)
        if self._activator and not self._pods.current:
            self._autoscaler.averages.record(int(now), 1.0)
            self._decide(now)

    def _serve_waiting(self, now: float) -> None:
        while self._activator:
            pod = self._pods.free(now)
            if pod is None:
                return
            lane = self._activator.popleft()
            pod.requests += 1
            work = self._cluster.work
            pod.processor = max(pod.processor, now + work.hops / 2) + work.processor
            done = pod.processor + work.waiting + work.hops / 2
            self._push(done, _FINISHED, lane, pod)

    def _finished(self, lane: Lane, pod: Pod, now: float) -> None:
        pod.requests -= 1
        delay = now - lane.waiting[0]
        self.outcome.delays.append(delay)
        self._slowest = max(self._slowest, delay)
        self._next(lane, now)
        self._serve_waiting(now)

    def _next(self, lane: Lane, now: float) -> None:
        """Turn to a partition's next record."""
        self._count(-1, now)
        lane.waiting.popleft()
        lane.busy, lane.failed = False, 0
        if lane.waiting:
            self._send(lane, now)

    def _count(self, change: int, now: float) -> None:
        self._area += self._in_flight * (now - self._changed)
        self._in_flight, self._changed = self._in_flight + change, now

    def _second(self, now: float) -> None:
        """Record the requests there were at a time, and decide each second second."""
        self._give_up(now)
        self._count(0, now)
        in_flight, self._area = self._area, 0.0
        if self._pods.current or in_flight:
            self._autoscaler.averages.record(round(now) - 1, in_flight)
        if round(now) % TICK == 0:
            self._decide(now)
        self._note(now, in_flight)
        self._push(now + 1.0, _SECOND)

    def _decide(self, now: float) -> None:
        ready = self._pods.ready(now)
        panic = self._autoscaler.averages.over(self._settings.panic_seconds, round(now)) or 0.0
        self._idleness.watch(now, ready, panic)
        wanted = self._autoscaler.decide(now, ready)
        if wanted is not None and (wanted or self._pods.current):
            self._scale(self._idleness.allowed(now, self._settings.bounded(wanted)), now)

    def _scale(self, wanted: int, now: float) -> None:
        for pod in self._pods.scale(wanted, now):
            self.outcome.starts.append(now)
            self._push(pod.ready, _READY)
        if not wanted:
            self._idleness.gone()

    def _give_up(self, now: float) -> None:
        """Repeat requests that have waited too long for an instance."""
        while self._activator and now - self._activator[0].sent >= self._cluster.policy.timeout:
            lane = self._activator.popleft()
            lane.failed += 1
            if lane.failed > self._cluster.policy.retries:
                self.outcome.dead += 1
                self._next(lane, now)
                continue
            self._count(-1, now)
            self._push(now + self._cluster.policy.delay * 2 ** (lane.failed - 1), _AGAIN, lane)

    def _note(self, now: float, in_flight: float) -> None:
        waiting = sum(len(lane.waiting) for lane in self._lanes) * self._course.samples
        ready, wanted = self._pods.ready(now), len(self._pods.current)
        self.outcome.seconds.append(Second(now, waiting, wanted, ready, in_flight, self._slowest))
        self._slowest = 0.0
