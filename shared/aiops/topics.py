"""The Kafka topics, by name; the same names stand in the objects that deploy them."""

METRICS = "metrics"
LOGS = "logs"
TRACES = "traces"
EVENTS = "events"
ANOMALIES = "anomalies"
INCIDENTS = "incidents"
CONTROL = "control"
ACTIONS = "actions"
DEAD_LETTERS = "aiops-dlq"

ALL = (METRICS, LOGS, TRACES, EVENTS, ANOMALIES, INCIDENTS, CONTROL, ACTIONS, DEAD_LETTERS)
