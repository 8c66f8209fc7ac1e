"""Detectors: a module's name is the detector's name, found without a list."""
