"""The core every function agrees on: facts on the wire, domain values, pure decisions, ports."""
