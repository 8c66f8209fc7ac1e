"""The model store's twin in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from aiops.adapters.keys import MODEL_STATUS_LIFETIME
from aiops.training import ModelStatus


@dataclass(slots=True)
class MemoryModels:
    """Holds artefacts and ends of fits in dictionaries; lifetimes of artefacts are not kept."""

    packed: dict[tuple[int, str, int], bytes] = field(default_factory=dict)
    noted: dict[str, ModelStatus] = field(default_factory=dict)

    def put(self, shard: int, series: str, made_at: int, until: int, packed: bytes) -> None:  # noqa: ARG002 - kept for good
        """Store an artefact."""
        self.packed[shard, series, made_at] = packed

    def fetch(self, wanted: Sequence[tuple[int, str, int]]) -> list[bytes | None]:
        """Return artefacts."""
        return [self.packed.get(one) for one in wanted]

    def note(self, status: ModelStatus) -> None:
        """Remember how a fit ended."""
        known = self.noted.get(status.series)
        if known is None or known.made_at <= status.made_at:
            self.noted[status.series] = status
        oldest = status.made_at - MODEL_STATUS_LIFETIME
        self.noted = {key: one for key, one in self.noted.items() if one.made_at >= oldest}

    def status(self, series: str) -> ModelStatus | None:
        """Return how the last fit of a series ended."""
        return self.noted.get(series)

    def statuses(self) -> list[ModelStatus]:
        """Return how the last fit of every series ended, in the order of their keys."""
        return [one for _, one in sorted(self.noted.items())]
