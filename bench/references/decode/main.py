"""decode: the edge and the decoding of `detect`, and nothing of what follows."""

from collections import Counter

import flask
import functions_framework

from aiops.adapters.serve import Edge, Reply
from aiops.ports import Counts, Event, Handler
from aiops.series import SeriesMap
from aiops.settings import Settings
from functions.detect.reading import SampleReader


def build(_: Settings) -> Handler:
    """Return a handler that decodes."""
    reader = SampleReader(SeriesMap(), lambda _: 0)

    def handle(event: Event) -> Counts:
        columns = reader.read(event.data)
        return Counter(decoded=0 if columns is None else len(columns.time))

    return handle


_edge = Edge("decode", build)


@functions_framework.http
def decode(request: flask.Request) -> Reply:
    """Serve one event."""
    return _edge(request)
