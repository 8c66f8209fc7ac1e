"""Silences: which there are, and when they keep people from being told of an incident.

What is known of a silence merges like a set, so that giving, giving anew and lifting come to the
same in any order.
"""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from aiops.events import Incident, Silenced, SilenceGiven, SilenceLifted

MOST_SILENCES = 1_000
"""Silences of a domain that are kept at most."""


class Silence(BaseModel):
    """What is known of one silence: how it was given last, and lifted last; one of them at least.

    Attributes:
        given: None where only its lifting has come so far.
        lifted: None where nobody lifted it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    given: SilenceGiven | None = None
    lifted: SilenceLifted | None = None

    @property
    def id(self) -> str:
        """Its name."""
        return self.given.silence if self.given else self.lifted.silence if self.lifted else ""

    @property
    def ends(self) -> int:
        """When it has no effect any more; nothing that comes later can take effect before."""
        return max(
            self.given.ends if self.given else 0, self.lifted.lifted_at if self.lifted else 0
        )

    def joined(self, other: "Silence") -> "Silence":
        """Return what both know: of each kind what was said last."""
        given = [one for one in (self.given, other.given) if one is not None]
        lifted = [one for one in (self.lifted, other.lifted) if one is not None]
        return Silence(
            given=max(given, key=lambda g: (g.given_at, g.model_dump_json()), default=None),
            lifted=max(lifted, key=lambda g: (g.lifted_at, g.lifted_by), default=None),
        )

    def in_force(self) -> SilenceGiven | None:
        """Return the silence with the time at which it ends; None where it never holds."""
        if self.given is None or self.lifted is None or self.lifted.lifted_at < self.given.given_at:
            return self.given
        ends = min(self.given.ends, self.lifted.lifted_at)
        if ends <= self.given.starts:
            return None
        return self.given.model_copy(update={"ends": ends})


def silenced_at(incident: Incident, now: int) -> Silenced | None:
    """Return the silence that keeps people from being told of an incident at a time, if any.

    Of several the one that ends last.
    """
    return max(
        _holding(incident.silences, now), key=lambda one: (one.ends, one.silence), default=None
    )


def ended_in_silence(incident: Incident) -> Silenced | None:
    """Return the silence during which an incident came to its end, if any."""
    return None if incident.resolved_at is None else silenced_at(incident, incident.resolved_at)


def _holding(silences: Iterable[Silenced], now: int) -> list[Silenced]:
    return [one for one in silences if one.starts <= now < one.ends]
