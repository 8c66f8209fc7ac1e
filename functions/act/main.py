"""act: incidents in, messages out."""

import flask
import functions_framework

from aiops.adapters.serve import Edge, Reply
from functions.act.wiring import build

_edge = Edge("act", build)


@functions_framework.http
def act(request: flask.Request) -> Reply:
    """Serve one event."""
    return _edge(request)
