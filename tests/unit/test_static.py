import numpy as np
import pytest

from aiops.detection import Scores, score_of
from functions.detect.detectors.static import Detector


def scored(detector: Detector, *values: float) -> Scores:
    n = len(values)
    return detector.score(
        np.zeros(n, detector.dtype), np.arange(n, dtype=np.int64), np.array(values, dtype=float)
    )


def test_a_value_on_a_limit_is_within_it_and_the_next_float_is_beyond() -> None:
    detector = Detector(lower=2.0, upper=5.0)
    inside = scored(detector, 2.0, 5.0, 3.0).evidence
    beyond = scored(detector, np.nextafter(2.0, 0.0), np.nextafter(5.0, 9.0)).evidence
    assert (inside == 0.0).all()
    assert (beyond > detector.alarm_line).all()
    assert (score_of(beyond, np.full(2, detector.alarm_line)) > 0.0).all()


def test_evidence_is_one_plus_the_exceedance_in_widths() -> None:
    evidence = scored(Detector(lower=10.0, upper=20.0), 25.0, 0.0).evidence
    assert evidence.tolist() == [1.5, 2.0]


@pytest.mark.parametrize(
    ("limits", "value", "evidence"),
    [
        ({"upper": 80.0}, 120.0, 1.5),
        ({"lower": 4.0}, 2.0, 1.5),
        ({"upper": 0.0}, 3.0, 4.0),
        ({"lower": 7.0, "upper": 7.0}, 14.0, 2.0),
    ],
)
def test_a_single_limit_is_its_own_width(
    limits: dict[str, float], value: float, evidence: float
) -> None:
    assert scored(Detector(**limits), value).evidence.tolist() == [evidence]


def test_the_reason_names_the_limit_that_was_crossed() -> None:
    scores = scored(Detector(lower=1.0, upper=90.0), 95.5, 0.5)
    assert scores.explain(0) == "95.5 is above the limit of 90"
    assert scores.explain(1) == "0.5 is below the limit of 1"


@pytest.mark.parametrize(
    "limits",
    [{}, {"lower": 2.0, "upper": 1.0}, {"upper": float("nan")}, {"lower": -float("inf")}],
)
def test_limits_that_cannot_be_meant_are_refused(limits: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"lower|upper"):
        Detector(**limits)
