"""What `collect` would have gathered: the same queries, at the same times, series chosen alike."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from aiops.adapters.access import Access
from aiops.adapters.prometheus import MOST_POINTS, Prometheus, loki
from aiops.batching import Reading
from aiops.errors import Misconfigured
from aiops.ports import Counts
from aiops.series import SeriesMap
from aiops.settings import secret
from functions.collect.asking import Question, questions
from functions.collect.config import CollectConfig
from functions.collect.sampling import sampled

SECONDS = 60.0
"""A query for much of the past may take."""

MOST_SAMPLES = 500_000
"""Of one answer; Prometheus itself gives up at a hundred times as many."""


@dataclass(frozen=True, slots=True)
class Past:
    """Asks for what was.

    Attributes:
        counts: Counts `samples`, `over_max_series` and `partial_answers`.
    """

    config: CollectConfig
    names: SeriesMap
    counts: Counts = field(default_factory=Counter)

    def times(self, since: int, until: int) -> range:
        """Return the times at which there was a tick, or a step between two."""
        step = self.config.every * 1000
        return range(-(-since // step) * step, until + 1, step)

    def pieces(self, question: Question, times: range) -> list[range]:
        """Return times in pieces, each to be asked for at once.

        Raises:
            Unavailable: the server has no good answer.
        """
        if not times:
            return []
        found = [question.server.query(question.text, at).samples for at in (times[0], times[-1])]
        most = max(1, *map(len, found))
        length = max(1, min(MOST_POINTS, MOST_SAMPLES // most))
        return [times[start : start + length] for start in range(0, len(times), length)]

    def readings(self, question: Question, times: range) -> Iterator[tuple[int, list[Reading]]]:
        """Yield the readings of each time of a piece.

        Raises:
            Unavailable: the server has no good answer.
        """
        server = question.server
        answer = server.query_range(question.text, times[0], times[-1], times.step)
        self.counts["partial_answers"] += bool(answer.warnings)
        most = self.config.max_series
        yield from sampled(question.metric, answer.samples, self.names, most, self.counts)


def asked(config: CollectConfig, prometheus: str) -> list[Question]:
    """Return all that is asked, of the Prometheus given and the Loki that `LOKI_URL` names.

    Raises:
        Misconfigured: what says who asks contradicts itself.
    """
    url = secret("LOKI_URL")
    logs = loki(url, SECONDS, Access.of("Loki", secret)) if url else None
    return list(questions(config, prometheus_of(prometheus), logs))


def prometheus_of(url: str) -> Prometheus:
    """Return the Prometheus given.

    Raises:
        Misconfigured: there is none, or what says who asks contradicts itself.
    """
    if not url:
        raise Misconfigured("--prometheus-url: not given, nor is PROMETHEUS_URL set")
    return Prometheus(url, SECONDS, Access.of("Prometheus", secret))
