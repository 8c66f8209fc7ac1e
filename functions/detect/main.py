"""detect: samples in, anomalies out."""

import flask
import functions_framework

from aiops.adapters.serve import Edge, Reply
from functions.detect.wiring import build

_edge = Edge("detect", build)


@functions_framework.http
def detect(request: flask.Request) -> Reply:
    """Serve one event."""
    return _edge(request)
