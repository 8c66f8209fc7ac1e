"""The twin in memory of what remembers deliveries."""

from dataclasses import dataclass, field

from aiops.deliveries import Standing


@dataclass(slots=True)
class MemoryDeliveries:
    """Holds them in a dictionary, for good."""

    seen: dict[tuple[str, str], Standing] = field(default_factory=dict)

    def claim(self, sender: str, name: str, lease_ms: int) -> Standing:  # noqa: ARG002 - no time here
        """Take a delivery up."""
        known = self.seen.get((sender, name))
        if known is None:
            self.seen[sender, name] = "in_progress"
        return known or "new"

    def settle(self, sender: str, name: str, lifetime_ms: int) -> None:  # noqa: ARG002 - likewise
        """Remember that it was passed on."""
        self.seen[sender, name] = "done"

    def release(self, sender: str, name: str) -> None:
        """Give it up."""
        self.seen.pop((sender, name), None)
