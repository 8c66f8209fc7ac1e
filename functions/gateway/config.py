"""Whom the gateway listens to, and how much of each it takes."""

from pydantic import BaseModel, ConfigDict, Field


class GatewayConfig(BaseModel):
    """The section `gateway` of the configuration.

    Attributes:
        senders: Names of modules in `functions/gateway/senders`; each is served under its name
            and needs its secret. Nobody else is listened to.
        rate: Verified requests a second taken from each sender, by each instance.
        burst: As many at once.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    senders: tuple[str, ...] = ()
    rate: float = Field(default=100.0, gt=0)
    burst: int = Field(default=200, ge=1)
