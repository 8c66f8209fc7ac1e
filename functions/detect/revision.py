"""A record changed by something else than a sample. Pure."""

from collections.abc import Container

from functions.detect.lines import Lines, write_lines
from functions.detect.record import HEADER, header_of, sealed


class Revision:
    """One record, on its way to what it will be.

    Args:
        stored: As it is, None where there is none.
        kinds: The kinds of records there are.
    """

    def __init__(self, stored: bytes | None, kinds: Container[int]) -> None:
        self._header = header_of(stored, kinds)
        keeps = stored is not None and int(self._header["kind"][0]) in kinds
        self._rest = stored[HEADER.itemsize :] if stored is not None and keeps else b""
        self._before = self._header.tobytes() if stored is not None else b""

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return self._header.tobytes() != self._before

    def packed(self) -> bytes:
        """Return the whole record."""
        return sealed(self._header.tobytes() + self._rest)

    def adopt(self, made_at: int) -> None:
        """Score with a model from now on, if it is later than the last one and than its end."""
        if made_at > abs(int(self._header["model"][0])):
            self._header["model"] = made_at

    def follow(self, lines: Lines) -> None:
        """Take over what people said; learn anew where they said that everything is new."""
        write_lines(self._header, 0, lines)
        self._relearn(lines.since, lines.retired)

    def _relearn(self, since: int, retired: int) -> None:
        """Forget what was learned before a time, and models made before another, once.

        The times of samples stay, so that nothing is accepted twice.
        """
        if since <= abs(int(self._header["since"][0])):
            return
        self._header["since"] = -since
        self._header["count"] = 0
        self._header["over_since"] = 0
        self._rest = bytes(len(self._rest))
        self._header["asked"] = 0
        if retired > abs(int(self._header["model"][0])):
            self._header["model"] = -retired
