"""Why the default detector alarms, in words."""

from dataclasses import dataclass

from aiops.baseline.departure import Found
from aiops.detection import FloatArray


@dataclass(frozen=True, slots=True)
class Reasons:
    """What an explanation is made of, one entry a row.

    Attributes:
        value: As it came.
        center: The last level.
        deviation: From it, in standard deviations.
        new: How new the value is, in radii.
        found: What the hour of the day says.
        parts: The kinds of evidence: rare, drifted, lasting, out of season, standing still; shape
            (n, 5).
        lasting: Samples in a row that make a deviation a lasting one.
    """

    value: FloatArray
    center: FloatArray
    deviation: FloatArray
    new: FloatArray
    found: Found
    parts: FloatArray
    lasting: int

    def explain(self, row: int) -> str:
        """Return why row `row` alarms."""
        kind = int(self.parts[row].argmax())
        if kind == 3:
            return self._out_of_season(row)
        if kind == 4:
            return f"{self.value[row]:.6g} again and again, where the value never stood still"
        told = _told(self.value[row], self.deviation[row], f"the usual {self.center[row]:.6g}")
        if kind == 1:
            return f"{told}; its distance from the usual of the hour has drifted where it never was"
        if kind == 2:
            return f"{told}, for {self.lasting} samples or more, where it was not before"
        if self.new[row] > 0:
            return f"{told}, and {self.new[row]:.1f} times the tolerance away from any value seen"
        return f"{told}, rarer than anything this series does"

    def _out_of_season(self, row: int) -> str:
        usual = f"the {self.found.expected[row]:.6g} usual at this hour of such a day"
        told = _told(self.value[row], self.found.deviation[row], usual)
        if self.found.leading[row] == 2:
            return f"{told}; it swings wider than it does at any time"
        return f"{told}; together with the samples before too far to that side for chance"


def _told(value: float, deviation: float, usual: str) -> str:
    side = "above" if deviation >= 0 else "below"
    return f"{value:.6g} is {abs(deviation):.1f} deviations {side} {usual}"
