"""What a function logged of the requests it answered."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from bench.rounds import quantile


@dataclass(slots=True)
class Requests:
    """Requests of one function.

    Attributes:
        milliseconds: Each one took.
        refused: Answers other than 2xx: status and the beginning of the reason, how often.
    """

    milliseconds: list[float] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        """How many there were."""
        return len(self.milliseconds)

    def quantile(self, share: float) -> float:
        """Return the milliseconds that a share of them did not exceed, 0 where there were none."""
        return quantile(self.milliseconds, share) if self.milliseconds else 0.0


def read_requests(log: Path) -> Requests:
    """Return the requests in a log; lines that are no JSON are not ours."""
    found = Requests()
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and "status" in entry:
            found.milliseconds.append(entry["milliseconds"])
            if entry["status"] >= 300:
                found.refused[f"{entry['status']} {entry.get('error', '')[:40]}".strip()] += 1
    return found
