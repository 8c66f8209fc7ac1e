"""Asks every query for the minutes that were not published yet, the missed ones first."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from aiops.adapters.prometheus import Answer, Metrics
from aiops.batching import batches
from aiops.errors import Unavailable
from aiops.ids import derive
from aiops.ports import Counts, Publisher
from aiops.published import Published
from aiops.series import SeriesMap
from functions.collect.config import CollectConfig
from functions.collect.sampling import sampled

SOURCE = "/aiops/collect"
STEPS = 15
"""Times that one range query asks for at most, so that no answer is too large to hold."""

FORGOTTEN_MS = 2 * 86_400_000
"""After which a query that is not asked any more is forgotten; nothing is caught up as far back."""

MOST_TOLD = 3
LONGEST_TOLD = 300

Log = Callable[[Mapping[str, object]], None]


@dataclass(frozen=True, slots=True)
class Question:
    """A query, and whom to ask.

    Attributes:
        metric: The name its result gets.
        text: PromQL, or LogQL that counts.
    """

    metric: str
    text: str
    server: Metrics

    @property
    def name(self) -> str:
        """By which it is remembered; a query that is changed is another one."""
        return derive("query", self.metric, self.text)


@dataclass(frozen=True, slots=True)
class _Piece:
    """What is asked at once: every step from one time to another, both included.

    Attributes:
        end: The last time that is wanted, in this piece or a later one.
        first: Whether it has to be asked however little time is left.
    """

    question: Question
    since: int
    end: int
    first: bool = False


@dataclass(frozen=True, slots=True)
class Asking:
    """Makes samples of what queries answer; the same ones whenever and by whomever it is done.

    Attributes:
        timer: Seconds of real time.
        latest: By that timer, when the last question may be asked.
    """

    published: Published
    publisher: Publisher
    names: SeriesMap
    config: CollectConfig
    log: Log
    timer: Callable[[], float]
    latest: float

    def run(
        self, questions: Sequence[Question], now: int, pool: Executor, counts: Counts
    ) -> list[str]:
        """Publish all that is missing up to a tick, in the order of the queries.

        What there is no time for is left to the next tick, which finds it missing.

        Args:
            questions: All of them.
            now: The tick's time.
            pool: Asks as many at once as it has threads.
            counts: Counts `samples`, `over_max_series`, `partial_answers`, `infos`, `caught_up`
                (queries by minutes that earlier ticks missed), `given_up` (that lie too far back)
                and `behind` (that are left to the next tick).

        Returns:
            What kept queries from being answered.
        """
        failed: list[str] = []
        pieces = self._missing(questions, now, counts)
        while pieces:
            done: dict[str, int] = {}
            rest: list[_Piece] = []
            for piece, answer in zip(pieces, list(pool.map(self._ask, pieces)), strict=True):
                if isinstance(answer, str):
                    failed.append(f"{piece.question.metric}: {answer}")
                elif answer is None:
                    counts["behind"] += (piece.end - piece.since) // self._step + 1
                else:
                    self._publish(piece, answer, counts)
                    until = self._until(piece)
                    done[piece.question.name] = until - self._doubt(piece, answer)
                    if until < piece.end:
                        rest.append(replace(piece, since=until + self._step, first=False))
            if done:
                self.published.advance(done, now - FORGOTTEN_MS)
            pieces = rest
        return failed

    @property
    def _step(self) -> int:
        return self.config.every * 1000

    def _missing(self, questions: Sequence[Question], now: int, counts: Counts) -> list[_Piece]:
        """Return the first piece of each query: from what was published last to the tick.

        Times are whole multiples of the step, whenever within it a tick comes.
        """
        end = (now - self.config.delay * 1000) // self._step * self._step
        oldest = end - self.config.catch_up * 1000 // self._step * self._step
        known = self.published.until([one.name for one in questions])
        new = {one.name: end - self._step for one in questions if one.name not in known}
        if new:
            # From now on; the first answer may be long in coming.
            self.published.advance(new, now - FORGOTTEN_MS)
        known |= new
        pieces: list[_Piece] = []
        for one in questions:
            since = known[one.name] + self._step
            if since < oldest:
                counts["given_up"] += (oldest - since) // self._step
                since = oldest
            if since <= end:
                counts["caught_up"] += (end - since) // self._step
                pieces.append(_Piece(one, since, end, first=not pieces))
        return pieces

    def _until(self, piece: _Piece) -> int:
        return min(piece.since + (STEPS - 1) * self._step, piece.end)

    def _doubt(self, piece: _Piece, answer: Answer) -> int:
        """Return how far a query counts as answered less than it was.

        The last minute of an answer that may not be whole is asked for again with the next tick,
        once: what comes then and was there before is known to `detect`.
        """
        return self._step if answer.warnings and self._until(piece) == piece.end else 0

    def _ask(self, piece: _Piece) -> Answer | str | None:
        """Return the answer, or in words why there is none; None for a later piece out of time."""
        if self.timer() > self.latest and not piece.first:
            return "no time left" if piece.since == piece.end else None
        question, until = piece.question, self._until(piece)
        try:
            if piece.since == until:
                return question.server.query(question.text, until)
            return question.server.query_range(question.text, piece.since, until, self._step)
        except Unavailable as error:
            return str(error)

    def _publish(self, piece: _Piece, answer: Answer, counts: Counts) -> None:
        """Publish an answer, each of its times for itself, as the tick of that time would have."""
        metric = piece.question.metric
        self._tell(metric, answer, counts)
        most = self.config.max_series
        for at, kept in sampled(metric, answer.samples, self.names, most, counts):
            self.publisher.publish(list(batches(kept, self.names, SOURCE, at)))

    def _tell(self, metric: str, answer: Answer, counts: Counts) -> None:
        """Record what an answer says about itself."""
        counts["partial_answers"] += bool(answer.warnings)
        counts["infos"] += bool(answer.infos)
        told = {
            word: [text[:LONGEST_TOLD] for text in texts[:MOST_TOLD]]
            for word, texts in (("warnings", answer.warnings), ("infos", answer.infos))
            if texts
        }
        if told:
            self.log({"query": metric, **told})


def questions(
    config: CollectConfig, metrics: Metrics | None, logs: Metrics | None
) -> Iterator[Question]:
    """Yield all that is asked, of those that there are."""
    if metrics is not None:
        for query in config.asked:
            yield Question(query.metric, query.promql, metrics)
    if logs is not None:
        for counted in config.log_queries:
            yield Question(counted.metric, counted.logql, logs)
