"""Strict models of objects that feed no function: only the fields this project uses."""
