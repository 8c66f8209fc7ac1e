"""How often suspects like these were the cause, by what people said of incidents before.

Judged incidents whose first suspect scored as high are compared, drawn towards all others as far
as there are few of them. Below a number of verdicts nothing is said. How far the first suspect led
the second tells right from wrong no better than chance, so it is not looked at.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log2, sqrt

from aiops.events import CauseJudged, Suspect
from aiops.incident_store import Record
from aiops.verdicts import CauseGiven

ENOUGH = 10
"""Verdicts on causes from which they say something."""

BANDS = 8
"""Scores below 1, and below 2, 4, 8 and so on: as high is what lies in the same band."""

DRAWN = 4.0
"""Verdicts that those on all other incidents are worth beside those on as high a score."""

DOUBT = 0.5
"""What is added to each outcome: Jeffreys' prior of which suspect it was, or none of them."""

OUTCOMES = 4

Z = 1.96
"""Standard errors of a 95 % interval."""


@dataclass(frozen=True, slots=True)
class Track:
    """What came of judged incidents.

    Attributes:
        judged: How many there are.
        right: In how many the first, second, third suspect was the cause.
    """

    judged: int
    right: tuple[int, int, int]

    @classmethod
    def of(cls, given: Iterable[CauseGiven]) -> "Track":
        """Return what came of these."""
        places = [one.suspects.index(one.cause) for one in given if one.cause in one.suspects]
        wrong = sum(one.cause not in one.suspects for one in given)
        return cls(len(places) + wrong, (places.count(0), places.count(1), places.count(2)))


@dataclass(frozen=True, slots=True)
class Confidence:
    """What the verdicts on one ranker's suspects teach: all, and by the score of the first one."""

    every: Track
    by_band: tuple[Track, ...]

    @classmethod
    def of(cls, given: Iterable[CauseGiven], ranker: str) -> "Confidence":
        """Learn from the verdicts on the suspects of a ranker."""
        mine = [one for one in given if one.ranker == ranker and one.suspects]
        bands: list[list[CauseGiven]] = [[] for _ in range(BANDS)]
        for one in mine:
            bands[band(one.score)].append(one)
        return cls(Track.of(mine), tuple(Track.of(few) for few in bands))

    def told(self, suspects: Sequence[Suspect]) -> tuple[Suspect, ...]:
        """Return suspects with how sure they are, and what that rests on."""
        if not self.every.judged or not suspects:
            return tuple(suspects)
        height = band(suspects[0].score)
        return tuple(
            one.model_copy(
                update={
                    "confidence": self._share(place, self.by_band[height]),
                    "confidence_reason": self._words(place, height),
                }
            )
            for place, one in enumerate(suspects)
        )

    def _share(self, place: int, like: Track) -> float | None:
        if self.every.judged < ENOUGH:
            return None
        others = self.every.judged - like.judged
        weight = min(DRAWN, others)
        right = self.every.right[place] - like.right[place]
        drawn = weight * right / others if others else 0.0
        share = (like.right[place] + DOUBT + drawn) / (like.judged + OUTCOMES * DOUBT + weight)
        return round(share, 3)

    def _words(self, place: int, height: int) -> str:
        known, like = self.every.judged, self.by_band[height]
        if known < ENOUGH:
            return f"{known} verdict{'s' if known > 1 else ''} so far: too few to say"
        what = f"the {('first', 'second', 'third')[place]} suspect was the cause"
        every = f"{self.every.right[place]} of {known}"
        if not like.judged:
            return f"{what} in {every} incidents, none of which scored {_span(height)}"
        low, high = wilson(like.right[place], like.judged)
        return (
            f"{what} in {like.right[place]} of {like.judged} incidents that scored {_span(height)}"
            f" ({low:.0%} to {high:.0%} at 95 %), {every} in all"
        )


def cause_given(record: Record, judged: CauseJudged, ranker: str) -> CauseGiven:
    """Return a verdict with what it says right or wrong of: what people were first told."""
    suspects = record.root_cause_at_notification or record.root_cause
    return CauseGiven(
        incident=record.id,
        cause=judged.cause,
        ranker=ranker,
        suspects=tuple(one.service for one in suspects),
        score=suspects[0].score if suspects else 0.0,
        given_by=judged.given_by,
        given_at=judged.given_at,
    )


def band(score: float) -> int:
    """Return in which band a score lies, 0 to BANDS - 1."""
    return min(BANDS - 1, 0 if score < 1 else 1 + int(log2(score)))


def _span(height: int) -> str:
    if height in {0, BANDS - 1}:
        return "below 1" if height == 0 else f"{2 ** (height - 1)} or more"
    return f"{2 ** (height - 1)} to {2**height}"


def wilson(right: int, judged: int) -> tuple[float, float]:
    """Return the 95 % interval of a share, by Wilson's score.

    Source: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference",
    JASA 22, 1927.
    """
    share = right / judged
    center = share + Z * Z / (2 * judged)
    half = Z * sqrt(share * (1 - share) / judged + Z * Z / (4 * judged * judged))
    scale = 1 + Z * Z / judged
    return max(0.0, (center - half) / scale), min(1.0, (center + half) / scale)
