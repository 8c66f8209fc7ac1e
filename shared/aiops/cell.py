"""Where and when an anomaly happened, as coarsely as correlation looks at it."""

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

from aiops.events import Role


@dataclass(frozen=True)
class Site:
    """The place of an anomaly.

    Attributes:
        service: The service it speaks of.
        role: What its metric measures.
        labels: Sorted pairs of those labels that tell where it runs, such as pod or node.
        edge: `(client, server)` where it measures a call between two services.
        template: Id of a log template.
        text: What was said, in words, where its series carries any.
    """

    service: str
    role: Role = "other"
    labels: tuple[tuple[str, str], ...] = ()
    edge: tuple[str, str] | None = None
    template: str | None = None
    text: str = ""

    @cached_property
    def key(self) -> str:
        """16 hexadecimal digits, the same for the same site."""
        parts = (self.service, self.role, self.labels, self.edge, self.template, self.text)
        return blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()

    @cached_property
    def ends(self) -> tuple[str, ...]:
        """The services it touches: both ends of an edge, else its own."""
        return self.edge if self.edge is not None else (self.service,)

    @cached_property
    def where(self) -> dict[str, str]:
        """Its labels by name."""
        return dict(self.labels)


@dataclass(frozen=True, slots=True)
class Cell:
    """A site during one bucket of time: anomalies of one cell are never told apart by a link.

    Attributes:
        time: Where the bucket begins, unix milliseconds.
    """

    site: Site
    time: int

    @property
    def key(self) -> tuple[str, int]:
        """What names it: the site's key and the time."""
        return self.site.key, self.time
