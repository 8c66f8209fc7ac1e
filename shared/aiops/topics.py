"""The Kafka topics, by name; the same names stand in the objects that deploy them."""

METRICS = "metrics"
EVENTS = "events"
ANOMALIES = "anomalies"
INCIDENTS = "incidents"
CONTROL = "control"
ACTIONS = "actions"
DEAD_LETTERS = "aiops-dlq"

ALL = (METRICS, EVENTS, ANOMALIES, INCIDENTS, CONTROL, ACTIONS, DEAD_LETTERS)
