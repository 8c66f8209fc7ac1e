"""Alike in words: the same log template, or texts that share most of their word pairs."""

from collections.abc import Hashable, Iterable
from functools import lru_cache
from itertools import pairwise

from aiops.cell import Site
from functions.correlate.config import CorrelateConfig
from functions.correlate.linking import Around, Link

SAME_TEMPLATE = 0.8


class Correlator:
    """Weighs equal templates and similar texts."""

    gate = False

    def __init__(self, config: CorrelateConfig) -> None:
        self._similar = config.similar_text

    def keys(self, site: Site, around: Around) -> Iterable[Hashable]:
        """Return the site's template and the word pairs of its text."""
        if site.template is not None:
            yield "template", site.template
        yield from sorted(shingles(site.text))

    def link(self, a: Site, b: Site, apart: int, around: Around) -> Link | None:
        """Return how alike the two texts are; None where they are not."""
        if a.template is not None and a.template == b.template:
            return Link(SAME_TEMPLATE, "the same log template")
        likeness = jaccard(shingles(a.text), shingles(b.text))
        if likeness < self._similar or not likeness:
            return None
        return Link(SAME_TEMPLATE * likeness, f"texts {likeness:.0%} alike")


@lru_cache(maxsize=4_096)
def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """Return the pairs of neighbouring words; the word itself where there is only one."""
    words = text.lower().split()
    if len(words) < 2:
        return frozenset({tuple(words)} if words else ())
    return frozenset(pairwise(words))


def jaccard(one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]) -> float:
    """Return the share of all members that both sets have, 0 where both are empty."""
    return len(one & other) / max(1, len(one | other))
