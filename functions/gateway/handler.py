"""From a request to facts that were acknowledged: believed, bounded, translated, passed on once."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from aiops.deliveries import Deliveries
from aiops.errors import Rejected, Unavailable
from aiops.ports import Counts, Publisher
from functions.gateway.bucket import TokenBucket
from functions.gateway.deadline import Deadline
from functions.gateway.sender import Delivery, Forged, Request, Sender

LEASE_MS = 30_000
"""For which a delivery is one instance's: longer than publishing and Redis take at most."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request is answered."""

    status: int
    error: str
    counts: Counts


@dataclass(frozen=True, slots=True)
class Listened:
    """A sender that is listened to, and how much of it is taken."""

    sender: Sender
    bucket: TokenBucket


@dataclass(frozen=True, slots=True)
class GatewayHandler:
    """Handles requests of the senders that are listened to."""

    senders: Mapping[str, Listened]
    deliveries: Deliveries
    publisher: Publisher
    deadline: Deadline

    def __call__(self, name: str, request: Request) -> Outcome:
        """Handle a request of one sender.

        Raises:
            Unavailable: it is to come again.
        """
        listened = self.senders[name]
        sender = listened.sender
        try:
            sender.verify(request)
        except Forged as forged:
            return Outcome(401, str(forged), Counter())
        if not listened.bucket.take():
            raise Unavailable("too many requests")
        try:
            delivery = sender.translate(request)
        except Rejected as rejected:
            return Outcome(sender.malformed, str(rejected), Counter(malformed=1))
        counts = Counter(delivery.counts)
        if delivery.messages:
            self.deadline.run(sender.seconds, lambda: self._pass_on(name, delivery, counts))
        return Outcome(200, "", +counts)

    def _pass_on(self, name: str, delivery: Delivery, counts: Counts) -> None:
        """Publish what is said unless that was done before."""
        if delivery.name:
            standing = self.deliveries.claim(name, delivery.name, LEASE_MS)
            if standing == "in_progress":
                raise Unavailable("the same delivery is being passed on")
            if standing == "done":
                counts["known"] += 1
                return
        try:
            self.publisher.publish(delivery.messages)
        except Unavailable:
            if delivery.name:
                self.deliveries.release(name, delivery.name)
            raise
        counts["published"] += len(delivery.messages)
        if delivery.name:
            lifetime = self.senders[name].sender.remembered
            self.deliveries.settle(name, delivery.name, lifetime)
