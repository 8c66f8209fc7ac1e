"""Subcommands of `aiops`, one module each: `add_parser` and `run`."""
