"""gateway: what others say over HTTP in, facts out."""

import flask
import functions_framework

from aiops.adapters.serve import Reply
from functions.gateway.edge import Edge
from functions.gateway.wiring import build

_edge = Edge(build)


@functions_framework.http
def gateway(request: flask.Request) -> Reply:
    """Serve one request."""
    return _edge(request)
