"""collect: the clock; asks Prometheus and wakes whoever has something due."""
