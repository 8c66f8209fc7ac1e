"""The rails' twin in memory."""

from dataclasses import dataclass, field

from aiops.rails import Pause, RailsState


@dataclass(slots=True)
class MemoryRails:
    """Keeps states, which nobody can change."""

    _state: RailsState = field(default_factory=RailsState)
    _pause: Pause | None = None

    def read(self) -> RailsState:
        """Return the state."""
        return self._state

    def commit(self, state: RailsState) -> bool:
        """Store a state if its revision is still the stored one."""
        if state.revision != self._state.revision:
            return False
        self._state = state.model_copy(update={"revision": state.revision + 1})
        return True

    def paused(self) -> Pause | None:
        """Return who stopped everything."""
        return self._pause

    def pause(self, pause: Pause) -> None:
        """Stop everything."""
        self._pause = pause

    def resume(self) -> None:
        """Let it go on."""
        self._pause = None
