"""How spans are read: the section `detect.traces` of the configuration."""

from pydantic import BaseModel, ConfigDict, Field


class TracesConfig(BaseModel):
    """How much is kept of traces.

    Attributes:
        max_operations: Different ones of a service in a record; others are called `other`.
        pair_for: Seconds in which both ends of a call have to come to be brought together.
        max_halves: Ends of calls kept of one trace.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    max_operations: int = Field(default=50, ge=1, le=1_000)
    pair_for: float = Field(default=300.0, gt=0, le=3_600)
    max_halves: int = Field(default=2_000, ge=2, le=100_000)
