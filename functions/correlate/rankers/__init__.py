"""Rankers, one module each: which service is the likely cause of an incident."""
