"""correlate: anomalies in, incidents out."""

import flask
import functions_framework

from aiops.adapters.serve import Edge, Reply
from functions.correlate.wiring import build

_edge = Edge("correlate", build)


@functions_framework.http
def correlate(request: flask.Request) -> Reply:
    """Serve one event."""
    return _edge(request)
