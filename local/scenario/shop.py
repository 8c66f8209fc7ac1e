"""The shop: its services, what they are, and who calls whom how often."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Call:
    """A call between two services.

    Attributes:
        share: How many times a request to the client makes this call, above 0.
    """

    client: str
    server: str
    share: float


@dataclass(frozen=True, slots=True)
class Shop:
    """A graph of services without cycles, callers first.

    Attributes:
        services: Those that report requests; the first takes the load from outside.
        stores: Databases and caches: they report what they use, not what they are asked.
    """

    services: tuple[str, ...]
    stores: tuple[str, ...]
    calls: tuple[Call, ...]

    def calls_to(self, server: str) -> Iterator[Call]:
        """Yield the calls that a service answers."""
        return (call for call in self.calls if call.server == server)

    def calls_from(self, client: str) -> Iterator[Call]:
        """Yield the calls that a service makes."""
        return (call for call in self.calls if call.client == client)

    def flows(self) -> dict[str, float]:
        """Return the requests that reach each service per request from outside."""
        flows = dict.fromkeys(self.services + self.stores, 0.0)
        flows[self.services[0]] = 1.0
        for service in self.services:
            for call in self.calls_from(service):
                flows[call.server] += flows[service] * call.share
        return flows


def shop() -> Shop:
    """Return the shop of the demo: thirteen services, three of them with a store of their own."""
    calls = (
        ("gateway", "frontend", 1.0),
        ("frontend", "search", 0.5),
        ("frontend", "recommendations", 0.6),
        ("frontend", "checkout", 0.3),
        ("frontend", "cart", 0.6),
        ("frontend", "catalog", 0.8),
        ("frontend", "users", 0.7),
        ("frontend", "currency", 0.8),
        ("checkout", "cart", 1.0),
        ("checkout", "payment", 1.0),
        ("checkout", "shipping", 1.0),
        ("checkout", "inventory", 1.0),
        ("checkout", "email", 0.9),
        ("checkout", "currency", 0.5),
        ("search", "catalog", 0.9),
        ("recommendations", "catalog", 0.7),
        ("payment", "users", 0.4),
        ("shipping", "inventory", 0.6),
        ("catalog", "catalog-db", 0.6),
        ("inventory", "catalog-db", 0.8),
        ("cart", "cart-cache", 1.0),
        ("users", "users-db", 0.8),
    )
    services = (
        "gateway frontend search recommendations checkout cart catalog payment shipping "
        "inventory email users currency"
    )
    return Shop(
        services=tuple(services.split()),
        stores=("catalog-db", "cart-cache", "users-db"),
        calls=tuple(Call(*call) for call in calls),
    )
