"""Fitted models: a module's name is the artefact's `kind`, found without a list."""
