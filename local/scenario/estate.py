"""A random system of services: who calls whom, what each is, and what it does not report."""

from dataclasses import dataclass
from itertools import product

from numpy.random import Generator

from local.scenario.shop import Call

_NOUNS = (
    "account address audit basket billing booking catalogue claim consent coupon credit customer "
    "delivery device discount dispatch document event feature feed fleet fraud gift image "
    "inventory invoice ledger listing location loyalty mail media message order partner policy "
    "price product profile quote rating receipt refund region report review reward route search "
    "session stock subscription supplier tariff tax ticket token tracking voucher warehouse"
)
_DUTIES = ("api", "core", "worker", "sync", "view", "rules")

SMALLEST, LARGEST = 10, 361
"""How many services a system may have; no two have the same name."""

STORES = 0.15
EXTERNALS = 0.05
HUBS = 2
HUB_CALLERS = 0.15
"""Shares of all services; a hub is called by that share of them."""

BLIND = 0.1
"""Share of the services that report neither CPU nor memory, and of those that report no errors."""


@dataclass(frozen=True, slots=True)
class Estate:
    """Services without cycles, callers first; the first takes the load from outside.

    Attributes:
        services: All names, stores and externals too.
        stores: Databases: they report what they use; of the calls to them only the client's end.
        externals: Somebody else's: nothing is known but the client's end of calls to them.
        blind: Those that report neither CPU nor memory.
        mute: Those that report no errors.
    """

    services: tuple[str, ...]
    stores: frozenset[str]
    externals: frozenset[str]
    blind: frozenset[str]
    mute: frozenset[str]
    calls: tuple[Call, ...]

    @property
    def ordinary(self) -> tuple[str, ...]:
        """Those that answer requests and report them, the first left out."""
        return tuple(s for s in self.services[1:] if s not in self.stores | self.externals)


def estate(rng: Generator, size: int) -> Estate:
    """Draw a system.

    Every service is called by an earlier one, half of them by a second or third, hubs by many.

    Args:
        rng: Where chance comes from.
        size: Services, `SMALLEST` to `LARGEST`.
    """
    names = ["front-door", *_names(rng, size - 1)]
    leaves = round(size * STORES), round(size * EXTERNALS)
    inner = size - sum(leaves)
    stores = frozenset(names[inner : inner + leaves[0]])
    externals = frozenset(names[inner + leaves[0] :])
    pairs = _pairs(rng, size, inner)
    calls = tuple(
        Call(names[client], names[server], round(float(rng.uniform(0.15, 1.0)), 2))
        for client, server in sorted(pairs)
    )
    ordinary = names[1:inner]
    return Estate(
        services=tuple(names),
        stores=stores,
        externals=externals,
        blind=_some(rng, ordinary),
        mute=_some(rng, ordinary),
        calls=calls,
    )


def _names(rng: Generator, count: int) -> list[str]:
    every = [f"{noun}-{duty}" for noun, duty in product(_NOUNS.split(), _DUTIES)]
    return [str(name) for name in rng.permutation(every)[:count]]


def _some(rng: Generator, names: list[str]) -> frozenset[str]:
    count = max(1, round(BLIND * len(names)))
    return frozenset(str(name) for name in rng.choice(names, count, replace=False))


def _pairs(rng: Generator, size: int, inner: int) -> set[tuple[int, int]]:
    """Return pairs of places, the client's first; only inner services call."""
    pairs = set()
    for server in range(1, size):
        callers = 1 + (rng.random() < 0.5) + (rng.random() < 0.2)
        earlier = min(server, inner)
        pairs |= {(int(rng.integers(0, earlier)), server) for _ in range(callers)}
    for hub in range(inner - HUBS, inner):
        callers = max(3, round(HUB_CALLERS * size))
        pairs |= {(int(client), hub) for client in rng.integers(0, inner - HUBS, callers)}
    return pairs
