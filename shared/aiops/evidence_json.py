"""Records and snapshots as JSON: nearly all of one is evidence, nearly all of it known before."""

from typing import Protocol

from aiops.events import Evidence
from aiops.once import Once


class HasEvidence(Protocol):
    """A model with evidence."""

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """One piece per series."""

    def model_dump_json(self, *, exclude: set[str]) -> str:
        """Return the JSON of the rest."""


def json_of(model: HasEvidence) -> bytes:
    """Return the JSON of a model, its evidence last, the text of each piece made only once."""
    rest = model.model_dump_json(exclude={"evidence"}).encode()
    return b'%b,"evidence":[%b]}' % (rest[:-1], b",".join(map(_text, model.evidence)))


def _text_of(piece: Evidence) -> bytes:
    return piece.model_dump_json().encode()


_text = Once(_text_of)
