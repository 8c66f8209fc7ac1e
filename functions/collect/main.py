"""collect: the clock; asks Prometheus and wakes whoever has something due."""

import flask
import functions_framework

from aiops.adapters.serve import Edge, Reply
from functions.collect.wiring import build

_edge = Edge("collect", build)


@functions_framework.http
def collect(request: flask.Request) -> Reply:
    """Serve one tick."""
    return _edge(request)
