"""What a feature is made of, as it is declared in the configuration."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from aiops.selector import Selector


class Feature(BaseModel):
    """A series made of others that come in the same event, for the same time.

    Attributes:
        name: What its metric is called; the unit at its end is told in reasons, such as `_ratio`.
        kind: `ratio`: of the sum of `of` to the sum of `over`, of counters their growth;
            `saturation`: likewise, of what is used to its limit; `delta`: what the sum of `of` grew
            by since the sample before.
        about: What it says, in words.
        of: What is counted or used.
        over: All of what is counted, or the limit; not for `delta`.
        by: Labels whose values must be equal on both sides, and which it has; not given, all but
            those that the selectors name.
        least: With `over` at this or below, there is no sample: nothing was asked, or no limit set.
        absent_is_zero: Whether no series of `of` stands for nothing counted, as where a counter
            begins with the first error. Only where one event holds all that is said of a service.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$", max_length=200)
    kind: Literal["ratio", "saturation", "delta"]
    about: str = ""
    of: Selector
    over: Selector | None = None
    by: tuple[str, ...] | None = None
    least: float = Field(default=0.0, ge=0)
    absent_is_zero: bool = False

    @model_validator(mode="after")
    def _two_sides_but_for_a_delta(self) -> Self:
        if (self.kind == "delta") != (self.over is None):
            raise ValueError("over: a ratio and a saturation need it, a delta has none")
        if self.absent_is_zero and self.kind != "ratio":
            raise ValueError("absent_is_zero: only a ratio may do without its first side")
        return self

    @property
    def sides(self) -> tuple[Selector, ...]:
        """What it is made of."""
        return (self.of,) if self.over is None else (self.of, self.over)

    @property
    def told_apart(self) -> frozenset[str]:
        """Labels the selectors name: what a series is on one side by, not whose it is."""
        return frozenset(name for side in self.sides for name in side.labels)
