"""Telemetry that is no samples, a package for each kind."""
