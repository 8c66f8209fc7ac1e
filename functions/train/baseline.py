"""The detector that models are held against."""

from aiops.detection import Detector
from aiops.plugins import load


def baseline() -> Detector:
    """Return the default detector as it comes."""
    made: Detector = load("functions.detect.detectors", "baseline", "Detector")()
    return made
