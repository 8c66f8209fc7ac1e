"""Thin edges: Redis, Kafka, CloudEvents, HTTP, and their twins in memory."""
