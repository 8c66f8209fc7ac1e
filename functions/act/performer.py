"""Sends what is due about one incident: lease, mark as sending, send, note the end, look again.

The note of the end and the look at what came meanwhile are one change of the record, so whatever is
marked as sending after it is also sent after it.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aiops.action_log import ActionLog, ActionRecord, Step
from aiops.clock import Clock
from aiops.ports import Counts
from functions.act import steps
from functions.act.answer import Answer
from functions.act.changes import change
from functions.act.channel import Channel, Delivery
from functions.act.sender import CALL_SECONDS, Calls, Sender
from functions.act.steps import Call, Task, Timing

SENDING_SECONDS = 15.0
"""Until when in a request a call to a receiver must have ended."""

REQUEST_SECONDS = 20.0
"""When the whole of a request must have ended."""

LEASE_SECONDS = 12.0
"""Longer than a delivery can take, so that who holds a lease has the channel alone."""

SETTLE_SECONDS = 600.0
"""For how long a call that nobody recorded the end of is expected to arrive still."""

MERGE_POLL_SECONDS = 5.0
MAX_RIGHTING = 60
"""How often putting a receiver's state right is tried before it is given up."""


@dataclass(slots=True)
class Budget:
    """What one request may still do.

    Attributes:
        timer: Seconds of real time.
        resting: Those who did not answer well in this request; they are left alone.
    """

    timer: Callable[[], float]
    resting: set[str] = field(default_factory=set)
    _began: float = field(init=False)

    def __post_init__(self) -> None:
        """Start the time."""
        self._began = self.timer()

    def allows(self, who: str, seconds: float, until: float) -> bool:
        """Return whether what takes so long at most still ends so long after the beginning."""
        return who not in self.resting and self.timer() - self._began + seconds <= until


@dataclass(slots=True)
class Performer:
    """Performs the steps of incidents.

    Attributes:
        channels: Those that can be used, in the order they are served.
        off: Those that cannot, and why.
        clock: The pipeline's time.
        timer: Seconds of real time.
        unix_time: The real unix time in milliseconds, which receivers compare with their own.
        new_token: Returns a text nobody else has.
        give_up_after: Seconds of the pipeline's time.
        merge_wait: Seconds of the pipeline's time.
        digests: What takes the steps that go into a digest.
        ended: Is told of the end of each call: the channel, and one of `sent`, `sent_again`,
            `deferred` and `failed`.
    """

    log: ActionLog
    sender: Sender
    channels: Mapping[str, Channel]
    off: Mapping[str, str]
    clock: Clock
    timer: Callable[[], float]
    unix_time: Callable[[], int]
    new_token: Callable[[], str]
    give_up_after: float
    merge_wait: float
    digests: Channel | None = None
    ended: Callable[[str, str], None] | None = None

    def perform(self, record: ActionRecord, budget: Budget) -> Counts | None:
        """Send what is due about an incident, channel by channel, each in its order.

        Args:
            record: As it was just read; what is sent is read again under the lease.
            budget: What this request may still do.

        Returns:
            What happened; None where there was nothing to do, so that the record is as it was.
        """
        incident, now = record.incident, self.clock.now()
        off = [name for name in record.channels if name not in self.channels]
        due = [name for name in self.channels if steps.is_due(record, name, now)]
        if not off and not due:
            return None
        counts: Counts = Counter()
        for name in off:
            self._abandon(incident, name)
        for name in due:
            self._serve(incident, name, budget, counts)
        return counts

    def _abandon(self, incident: str, name: str) -> None:
        reason = f"{name} is off: {self.off.get(name, 'the policy does not name it')}"
        now = self.clock.now()
        change(self.log, incident, lambda record: steps.abandon(record, name, reason, now))

    def _serve(self, incident: str, name: str, budget: Budget, counts: Counts) -> None:
        """Send one step after the other until nothing is due, or no more may be begun."""
        while budget.allows(name, CALL_SECONDS, SENDING_SECONDS):
            task = self._next(incident, name, self.clock.now())
            if task is None:
                return
            token = self.new_token()
            if not self.log.acquire(incident, name, token, int(LEASE_SECONDS * 1000)):
                counts["busy"] += 1
                return
            self._attempt(incident, name, token, budget, counts)
            self.log.release(incident, name, token)

    def _next(self, incident: str, name: str, now: int) -> Task | None:
        record = change(self.log, incident, lambda record: steps.settle(record, name, now))
        task = steps.next_task(record, name, now)
        return None if task is None or self._waits_for_survivor(task, now) else task

    def _attempt(
        self, incident: str, name: str, token: str, budget: Budget, counts: Counts
    ) -> None:
        """Mark, send and note the end of what is due now that the lease is held."""
        held_since = self.timer()
        marked: list[Task] = []

        def mark(record: ActionRecord) -> ActionRecord:
            call = Call(token, self.clock.now())
            marked[:] = filter(None, [steps.next_task(record, name, call.now)])
            if not marked:
                return record
            keeps_state = self._channel(marked[0].step).repeat == "same_state"
            timing = Timing(self._real(LEASE_SECONDS), self._real(SETTLE_SECONDS))
            return steps.start(record, marked[0], call, timing, keeps_state=keeps_state)

        record = change(self.log, incident, mark)
        if not marked:
            return
        step = record.step(marked[0].step.id) or marked[0].step
        answer = self._call(self._channel(step), step, record.receipts.get(name, {}), held_since)
        counts[_word(answer, again=marked[0].again)] += 1
        self._note(step, token, answer, again=marked[0].again)
        if answer.verdict == "retry" and not answer.others_may_go:
            budget.resting.add(name)

    def _channel(self, step: Step) -> Channel:
        if step.digest and self.digests is not None:
            return self.digests
        return self.channels[step.channel]

    def _call(
        self, channel: Channel, step: Step, receipt: Mapping[str, str], held_since: float
    ) -> Answer:
        snapshot = self.log.snapshot(step.incident, step.version)
        if snapshot is None:
            return Answer("refused", "the snapshot it speaks of is gone")
        delivery = Delivery(step, snapshot, self.unix_time() // 1000, receipt)
        now = self.timer()
        if now - held_since > LEASE_SECONDS - CALL_SECONDS:
            return Answer("retry", "the lease ran out before the call")
        return channel.deliver(delivery, Calls(self.sender, self.timer, now + CALL_SECONDS))

    def _note(self, step: Step, token: str, answer: Answer, *, again: bool) -> None:
        """Record how a call ended."""
        call = Call(token, self.clock.now())
        outcome = _word(answer, again=again)

        def end(found: ActionRecord) -> ActionRecord:
            nonlocal outcome
            record = steps.noted(found, step.channel, answer.receipt)
            tries = next((a.tries for a in record.attempts if a.token == token), 0)
            if answer.verdict == "done":
                return steps.finish(record, step.id, call, "done", answer.reason)
            if answer.verdict == "refused" or self._given_up(step, tries, call.now, again=again):
                outcome = "failed"
                return steps.finish(record, step.id, call, "failed", answer.reason)
            delay = steps.backoff_ms(step.id, tries + 1 if again else step.attempts)
            next_at = call.now + self._real(max(answer.retry_after_ms, delay) / 1000)
            return steps.postpone(record, step.id, call, answer, next_at)

        change(self.log, step.incident, end)
        if self.ended is not None:
            self.ended(step.channel, outcome)

    def _given_up(self, step: Step, tries: int, now: int, *, again: bool) -> bool:
        if again:
            return tries >= MAX_RIGHTING
        return now - step.planned_at > self.give_up_after * 1000

    def _waits_for_survivor(self, task: Task, now: int) -> bool:
        """Put off resolving a merged incident's alarm until the survivor's was raised."""
        step = task.step
        waiting = (
            step.kind == "merged"
            and not task.again
            and self._channel(step).repeat == "same_state"
            and now < step.planned_at + self.merge_wait * 1000
            and not self._raised(step.survivor, step.channel)
        )
        if waiting:
            until = now + self._real(MERGE_POLL_SECONDS)
            reason = f"waits for the alarm of {step.survivor}"
            change(self.log, step.incident, lambda r: steps.wait(r, step.id, reason, until))
        return waiting

    def _raised(self, incident: str | None, channel: str) -> bool:
        record = self.log.read(incident) if incident is not None else None
        return record is not None and any(s.state == "done" for s in record.on(channel))

    def _real(self, seconds: float) -> int:
        """Return real seconds in the pipeline's milliseconds."""
        return int(seconds * 1000 * self.clock.rate)


def _word(answer: Answer, *, again: bool) -> str:
    if answer.verdict == "done":
        return "sent_again" if again else "sent"
    return "deferred" if answer.verdict == "retry" else "refused"
