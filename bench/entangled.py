"""A large topology in which most services reach most others, as where platforms are shared."""

from collections.abc import Mapping
from random import Random

from aiops.seen import Pair, Seen

HUBS = 40
"""Shared services that a tenth of all calls go to."""


def entangled(services: int, calls: int, seed: int = 1) -> Mapping[Pair, Seen]:
    """Return calls, each with its traffic, the same for the same seed.

    A service calls some a little below it, as in layers; a tenth of the calls go to shared
    services, and a few go back up, which ties layers into rings. Rates are lognormal: a few calls
    carry most of the traffic.
    """
    random = Random(seed)
    names = [f"team-{n % 40:02}-service-{n:04}" for n in range(services)]
    found: dict[Pair, Seen] = {}
    while len(found) < calls:
        client = random.randrange(services)
        kind = random.random()
        if kind < 0.1:
            server = services - 1 - random.randrange(HUBS)
        elif kind < 0.13:
            server = random.randrange(services // 2)
        else:
            server = min(services - 1, client + 1 + int(random.expovariate(20 / services)))
        if client != server:
            rate = round(random.lognormvariate(1.0, 2.0), 3)
            found[names[client], names[server]] = Seen(rate, None, None, "traces")
    return found
