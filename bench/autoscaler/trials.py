"""What a setting must stand: each course, with what its records cost and how long a start takes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bench.autoscaler import courses
from bench.autoscaler.courses import MINUTE, Course
from bench.autoscaler.delivery import Cluster
from bench.autoscaler.outcome import Outcome
from bench.autoscaler.settings import Settings
from bench.autoscaler.simulation import Simulation
from bench.autoscaler.work import BATCH, lanes, partitions, work

RATE = 33_000.0
"""Samples a second of a burst: two million a minute."""

OBJECTIVE = 45.0
"""Seconds from a sample to its incident. An image that has to be pulled may use all of it."""

FUNCTIONS = 3
"""Functions in a row, each of which may have to start: each has its part of the objective."""

AT_ONCE = 1.0
"""Seconds for what comes regularly: it does not wait for a start each time."""

START, PULL = 5.0, 30.0
"""Seconds until an instance serves: its image on the node, or to be pulled. Assumed.

Of them the process takes 0.6 s (docs/images.md); the rest is Kubernetes and queue-proxy.
"""

HOPS = 0.005
"""Seconds a request spends in dispatcher, activator and queue-proxy. Assumed."""

SETTLED = 2 * MINUTE
"""Seconds after which instances are there, and what had waited for them is handled."""

SCRAPE = 15.0
"""Seconds between scrapes; one should be handled before the next."""

SMALL = 100
"""Samples of a record of other producers."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A course under circumstances.

    Attributes:
        name: What it is called.
        course: What arrives.
        cluster: Where.
        within: Seconds that 95 % of the records may take.
        settled: Seconds that any record may take when two minutes have passed.
    """

    name: str
    course: Course
    cluster: Cluster
    within: float
    settled: float = AT_ONCE

    def run(self, settings: Settings) -> Outcome:
        """Return what comes of it."""
        return Simulation(self.course, settings, self.cluster).run()

    def stood(self, outcome: Outcome) -> bool:
        """Return whether records were handled in time, and no backlog came after the first."""
        later = (second.delay for second in outcome.seconds if second.at > SETTLED)
        return outcome.delay(0.95) <= self.within and max(later) <= self.settled


def loads(figures: Mapping[str, str | int | float], seed: int = 0) -> tuple[Trial, ...]:
    """Return the trials under load; the plain burst first. `seed` is for when records come."""
    keyed = lanes(partitions("metrics"))
    even = tuple(range(partitions("metrics")))
    full, small = work(BATCH, figures, HOPS), work(SMALL, figures, HOPS)
    slow = replace(full, processor=2 * full.processor)
    share = OBJECTIVE / FUNCTIONS
    burst = courses.burst(RATE, BATCH, seed=seed)
    of_small = courses.burst(RATE, SMALL, 5 * MINUTE, len(even), seed)
    wave = courses.wave(RATE, BATCH, seed=seed)
    scrapes = courses.scrapes(RATE, BATCH, SCRAPE)
    return (
        Trial("burst", burst, Cluster(full, START, keyed), share),
        Trial("burst, image to be pulled", burst, Cluster(full, PULL, keyed), OBJECTIVE),
        Trial("burst, cores half as fast", burst, Cluster(slow, START, keyed), share),
        Trial("wave", wave, Cluster(full, START, keyed), share),
        Trial("scrapes", scrapes, Cluster(full, START, keyed), share, SCRAPE),
        Trial("burst of small records", of_small, Cluster(small, START, even), share),
    )


def trickles(figures: Mapping[str, str | int | float]) -> tuple[Trial, ...]:
    """Return the trials in which little comes, but regularly."""
    keyed, full = lanes(partitions("metrics")), work(BATCH, figures, HOPS)
    return tuple(
        Trial(course.name, course, Cluster(full, START, keyed), AT_ONCE, START + AT_ONCE)
        for course in (courses.trickle(period, BATCH) for period in (15.0, 60.0, 300.0))
    )
