"""The detector that models are held against."""

from aiops.baseline.detector import Detector
from aiops.detection import Detector as Contract


def baseline() -> Contract:
    """Return the default detector as it comes."""
    return Detector()
