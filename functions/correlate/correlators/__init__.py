"""Correlators, one module each: what speaks for two cells belonging together."""
