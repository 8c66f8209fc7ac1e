"""What is asked of Prometheus with every tick."""

from pydantic import ConfigDict, Field, field_validator

from aiops.queries import STARTER_SERVICE_GRAPHS, Asked, ServiceGraph


class CollectConfig(Asked):
    """The section `collect` of the configuration.

    Attributes:
        every: Seconds between the times that are asked for, whole multiples of it.
        delay: Seconds a time has to be past before it is asked for, where samples come late.
        catch_up: Seconds back to which what ticks missed is asked for later.
        timeout: Seconds each query may take.
        concurrency: Queries asked at once.
        max_series: Series taken from one result, by the order of their keys; the rest is counted.
        service_graphs: Asked every `topology_minutes`, each under a name of its own.
        topology_minutes: With every tick whose minute is a multiple of it.
        keep_calls: Seconds for which a call that is not seen any more is kept.
        max_calls: Calls of one observation; those with the least traffic are counted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    every: int = Field(default=60, ge=1, le=3_600)
    delay: int = Field(default=0, ge=0, le=3_600)
    catch_up: int = Field(default=3_600, ge=0, le=86_400)
    timeout: float = Field(default=5.0, gt=0, le=30)
    concurrency: int = Field(default=4, ge=1, le=16)
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
