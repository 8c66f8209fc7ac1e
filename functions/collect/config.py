"""What is asked of Prometheus with every tick."""

from pydantic import BaseModel, ConfigDict, Field, field_validator

from aiops.queries import STARTER_QUERIES, STARTER_SERVICE_GRAPHS, Query, ServiceGraph


class CollectConfig(BaseModel):
    """The section `collect` of the configuration.

    Attributes:
        queries: Asked with every tick, where a Prometheus is configured.
        timeout: Seconds each may take.
        max_series: Series taken from one result; the rest is counted.
        service_graphs: Asked every `topology_minutes`, each under a name of its own.
        topology_minutes: With every tick whose minute is a multiple of it.
        keep_calls: Seconds for which a call that is not seen any more is kept.
        max_calls: Calls of one observation; those with the least traffic are counted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    queries: tuple[Query, ...] = STARTER_QUERIES
    timeout: float = Field(default=5.0, gt=0, le=30)
    max_series: int = Field(default=10_000, gt=0)
    service_graphs: tuple[ServiceGraph, ...] = STARTER_SERVICE_GRAPHS
    topology_minutes: int = Field(default=5, ge=1, le=60)
    keep_calls: int = Field(default=6 * 3_600, ge=0, le=30 * 86_400)
    max_calls: int = Field(default=20_000, gt=0)

    @field_validator("service_graphs")
    @classmethod
    def _named_apart(cls, graphs: tuple[ServiceGraph, ...]) -> tuple[ServiceGraph, ...]:
        if len({graph.name for graph in graphs}) != len(graphs):
            raise ValueError("two have the same name")
        return graphs
