"""What a running installation looks like: Redis, Kafka, the gateway, the cluster."""
