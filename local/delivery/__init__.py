"""Delivers Kafka records to functions as KafkaSource, Trigger and PingSource objects do."""
