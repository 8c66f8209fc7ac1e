"""The default detector: what is rare for its series and new to it, at once or lasting."""

from aiops.baseline.detector import Detector

__all__ = ["Detector"]
