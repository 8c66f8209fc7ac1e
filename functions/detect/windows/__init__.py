"""Counts and durations of what is told one by one, by service and minute."""
