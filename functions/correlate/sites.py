"""The cell of an anomaly."""

from aiops.cell import Cell, Site
from aiops.events import Anomaly
from functions.correlate.config import CorrelateConfig

MAX_TEXT = 500
"""Characters of a text that are compared."""


def cell_of(anomaly: Anomaly, config: CorrelateConfig) -> Cell:
    """Return where and when an anomaly happened, as coarsely as correlation looks at it."""
    labels = anomaly.labels
    text = next((labels[name] for name in config.texts if labels.get(name)), "")
    site = Site(
        service=anomaly.service,
        role=anomaly.role,
        labels=tuple(sorted((k, v) for k, v in labels.items() if k in config.labels and v)),
        edge=anomaly.edge,
        template=anomaly.template,
        text=text[:MAX_TEXT],
    )
    bucket = config.bucket * 1000
    return Cell(site, anomaly.time // bucket * bucket)
