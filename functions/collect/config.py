"""What is asked of Prometheus with every tick."""

from pydantic import BaseModel, ConfigDict, Field

from aiops.queries import STARTER_QUERIES, Query


class CollectConfig(BaseModel):
    """The section `collect` of the configuration.

    Attributes:
        queries: Asked with every tick, where a Prometheus is configured.
        timeout: Seconds each may take.
        max_series: Series taken from one result; the rest is counted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    queries: tuple[Query, ...] = STARTER_QUERIES
    timeout: float = Field(default=5.0, gt=0, le=30)
    max_series: int = Field(default=10_000, gt=0)
