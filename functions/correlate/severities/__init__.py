"""Severity policies, one module each: how bad an incident is, and why."""
