"""Query by query: asks for the past, learns it, takes it over, and remembers that it is done."""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiops.errors import Unavailable
from aiops.ids import derive
from aiops.published import Published
from aiops.verdicts import VerdictStore
from functions.collect.asking import Question
from local.backfill.learning import Learning
from local.backfill.taking_over import TakingOver
from local.past import Past

KEPT_MS = 2 * 86_400_000
"""How long it is remembered what is done: whoever begins again later learns more."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What became of a query.

    Attributes:
        state: `done`, now or by an earlier run; `failed`.
        reason: Why it failed.
        counts: Samples, series and points of history, by word.
    """

    metric: str
    state: str
    reason: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Backfilling:
    """Fills in one query after the other.

    Attributes:
        config: Sections of the configuration.
        kinds: Of records.
        done: Remembers which queries are done.
    """

    past: Past
    config: Mapping[str, Any]
    verdicts: VerdictStore
    taking_over: TakingOver
    kinds: Container[int]
    done: Published

    def run(
        self, question: Question, times: range, *, again: bool, progress: Callable[[float], None]
    ) -> Filled:
        """Fill in a query.

        Args:
            question: The query.
            times: Those that are asked for.
            again: Whether also where an earlier run did as much.
            progress: Told the share of it that was done since it was told last.

        Raises:
            Unavailable: Redis is away.
        """
        name = derive("backfill", question.name)
        reached = self.done.until([name]).get(name, 0)
        if reached and not again:
            progress(1.0)
            return Filled(question.metric, "done", "by an earlier run")
        self.past.counts.clear()
        learning = Learning.of(self.config, self.verdicts)
        try:
            pieces = self.past.pieces(question, times)
            for piece in pieces:
                learning.take(self.past.readings(question, piece))
                progress(1 / len(pieces))
        except Unavailable as error:
            return Filled(question.metric, "failed", str(error), dict(+self.past.counts))
        found = self.taking_over(learning, self.kinds, times[-1]) if pieces else {}
        self.done.advance({name: times[-1]}, times[-1] - KEPT_MS)
        return Filled(question.metric, "done", "", {**+self.past.counts, **found})
