"""What became of the samples, from the function's own log: a figure for refused work is void."""

import json
from collections import Counter
from pathlib import Path

_NOT_COUNTS = frozenset({"status", "milliseconds"})


class Tally:
    """Reads the lines that a log grew by."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._place = log.stat().st_size

    def counts(self) -> Counter[str]:
        """Return the sums of all counts in the lines that are new since the last call.

        Raises:
            ValueError: an event was not answered with 204.
        """
        with self._log.open("rb") as log:
            log.seek(self._place)
            new = log.read()
        self._place += len(new)
        found: Counter[str] = Counter()
        for line in new.splitlines():
            if line.startswith(b"{"):
                entry = json.loads(line)
                if entry["status"] != 204:
                    raise ValueError(f"status {entry['status']}: {entry.get('error')}")
                found.update(
                    {
                        name: number
                        for name, number in entry.items()
                        if isinstance(number, int) and name not in _NOT_COUNTS
                    }
                )
        return found

    def all_accepted(self, samples: int) -> int:
        """Return how many anomalies there were among samples that were all accepted.

        Raises:
            ValueError: one was not.
        """
        found = self.counts()
        if found["accepted"] != samples:
            raise ValueError(f"{samples} samples sent, {dict(found)}")
        return found["anomalies"]
