"""exporter: what functions counted, and what waits, as Prometheus reads it."""
