"""refit: a model fitted anew for every sample."""
