"""How much a fit may use, and what it is given."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class TrainConfig(BaseModel):
    """The section `train` of the configuration.

    Attributes:
        seconds: A fit may take.
        luminaire_seconds: One by Luminaire may take, or one whose choice may fall on it.
        memory: MiB a fit may use.
        history_days: How far back a fit looks, and Prometheus is asked.
        params: What fits are made with, by detector; a request by name may say otherwise.
        country: Two letters; its holidays are told to Prophet.
        time_zone: In which days and weeks begin.
        slack: Seconds that reading, backfilling and storing may take besides a fit; after that
            another instance takes over.
        attempts: How often a fit may take all of `train` along before it counts as failed.
        backfill_step: Seconds between the points Prometheus is asked for.
        prometheus_timeout: Seconds one query may take.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    seconds: float = Field(default=60.0, gt=0, le=120)
    luminaire_seconds: float = Field(default=120.0, gt=0, le=120)
    memory: int = Field(default=1_024, ge=64)
    history_days: float = Field(default=14.5, gt=0, le=100)
    params: dict[str, dict[str, Any]] = Field(default_factory=dict)
    country: str = ""
    time_zone: str = "UTC"
    slack: float = Field(default=45.0, gt=0)
    attempts: int = Field(default=3, ge=1)
    backfill_step: float = Field(default=60.0, ge=1)
    prometheus_timeout: float = Field(default=10.0, gt=0, le=30)

    def seconds_for(self, detector: str) -> float:
        """Return how long a fit may take."""
        long = detector in {"luminaire", "auto"}
        return max(self.luminaire_seconds, self.seconds) if long else self.seconds

    @property
    def lease_seconds(self) -> float:
        """Return how long a request is nobody else's."""
        return max(self.seconds, self.luminaire_seconds) + self.slack

    def params_for(self, detector: str, given: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """Return what fits are made with, by detector.

        Args:
            detector: What is asked for.
            given: What the request says of it.
        """
        places = {"country": self.country, "time_zone": self.time_zone}
        found = {**self.params, "prophet": places | self.params.get("prophet", {})}
        if detector != "auto":
            found[detector] = found.get(detector, {}) | given
        return found
