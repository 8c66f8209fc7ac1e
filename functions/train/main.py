"""train: requests for models in, models out."""

import flask
import functions_framework

from aiops.adapters.serve import Edge, Reply
from functions.train.wiring import build

_edge = Edge("train", build)


@functions_framework.http
def train(request: flask.Request) -> Reply:
    """Serve one event."""
    return _edge(request)
