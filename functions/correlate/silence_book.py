"""What is known of the domain's silences, and which incidents a silence may concern."""

from collections.abc import Iterable
from dataclasses import dataclass

from aiops.errors import Rejected
from aiops.silences import MOST_SILENCES, Silence
from functions.correlate.domain import MEMORY, Change, Domain


@dataclass(frozen=True, slots=True)
class SilenceBook:
    """Keeps the silences of a domain."""

    domain: Domain

    def note(self, told: Silence, now: int) -> frozenset[str] | None:
        """Keep what was told of a silence; return the incidents that it may concern.

        None where the domain changed meanwhile.

        Raises:
            Rejected: there are too many.
        """
        view = self.domain.look(now)
        known = {one.id: one for one in self.domain.store.silences()}
        before = known.get(told.id)
        after = told if before is None else before.joined(told)
        if after != before:
            oldest = view.watermark - 2 * MEMORY
            lapsed = {one.id for one in known.values() if one.ends < oldest} - {told.id}
            if before is None and len(known) - len(lapsed) >= MOST_SILENCES:
                raise Rejected(f"silence: {MOST_SILENCES} are known already")
            change = Change(silences=(after,), lapsed=tuple(sorted(lapsed)))
            if self.domain.commit(view, change) is None:
                return None
        return self._concerned(one for one in (before, after) if one is not None)

    def _concerned(self, silences: Iterable[Silence]) -> frozenset[str]:
        """Return incidents that live, and those that may have lived while a silence held."""
        known = list(silences)
        since = min(one.given.starts if one.given else 0 for one in known)
        until = max(one.ends for one in known)
        return self.domain.living(since, until)
