"""The admissions' twin in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from aiops.adapters.keys import SERIES_LIFETIME


@dataclass(slots=True)
class MemoryAdmissions:
    """Holds series by selector, with the time they were last asked for."""

    taken: dict[str, dict[str, int]] = field(default_factory=dict)

    def admit(self, selector: str, most: int, keys: Sequence[str], now: int) -> list[bool]:
        """Return which series are taken in."""
        known = self.taken.setdefault(selector, {})
        for key in [key for key, at in known.items() if at <= now - SERIES_LIFETIME]:
            del known[key]
        answers = []
        for key in keys:
            if key in known or len(known) < most:
                known[key] = max(now, known.get(key, 0))
            answers.append(key in known)
        return answers
