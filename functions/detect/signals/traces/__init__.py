"""Spans as rate, errors and durations of services and of the calls between them."""
