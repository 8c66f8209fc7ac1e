"""Benchmarks: ratios and medians, measured in one run on the same work."""
