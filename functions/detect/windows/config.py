"""How what is told one by one is counted: the section `detect.windows` of the configuration."""

from pydantic import BaseModel, ConfigDict, Field


class WindowsConfig(BaseModel):
    """When a minute is over, and how much is kept of a service.

    Attributes:
        grace: Seconds that have to pass after a minute, by what its service tells, until it is
            closed; what is told of it later is dropped and counted.
        idle: Seconds after which a service that tells nothing is taken to be quiet, and its
            minutes go by with the clock.
        zeros: Seconds for which what is not told of any more is counted as zero; then as nothing.
        learn_for: Seconds from the first that is heard of a service, in which no error is new.
        max_rows: Distinct series one service may have in a minute.
        max_templates: Errors remembered of one service; the one longest not seen is forgotten.
        max_new: Errors of one service that people are told of in a minute.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    grace: float = Field(default=30.0, ge=0, le=3_600)
    idle: float = Field(default=60.0, ge=5, le=3_600)
    zeros: float = Field(default=900.0, ge=0, le=86_400)
    learn_for: float = Field(default=3_600.0, ge=0)
    max_rows: int = Field(default=500, ge=1, le=5_000)
    max_templates: int = Field(default=2_000, ge=1, le=20_000)
    max_new: int = Field(default=5, ge=0, le=1_000)
