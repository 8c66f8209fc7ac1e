"""exporter: the page of metrics that Prometheus reads; the one part that always runs."""

import flask
import functions_framework

from aiops.adapters.serve import Reply, probed, started
from functions.exporter.wiring import build

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_settings, _page = started("exporter", build)


@functions_framework.http
def exporter(request: flask.Request) -> Reply:
    """Serve one request."""
    if request.method not in {"GET", "HEAD"}:
        return "GET /metrics\n", 405, {"Allow": "GET, HEAD"}
    if request.path != "/metrics":
        return probed(request)
    return _page.text().decode(), 200, {"Content-Type": CONTENT_TYPE}
