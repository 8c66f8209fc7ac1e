"""The Kafka topics, by name; the same names stand in the objects that deploy them."""

from aiops.ports import Event

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

OF_TELEMETRY = (METRICS, LOGS, TRACES, EVENTS)
"""Those that others write to, whoever they are."""

ORIGIN = {"origin": "telemetry"}
"""The extension that sources of these topics put on every event, whatever its sender wrote there.

What a CloudEvent says of itself is its sender's word, and nothing else tells the topic it came by.
"""


def of_telemetry(event: Event) -> bool:
    """Return whether an event came by a topic that others write to."""
    return ORIGIN.items() <= event.extensions.items()
