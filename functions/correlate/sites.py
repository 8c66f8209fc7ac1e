"""The cell of an anomaly."""

from aiops.cell import Cell, Site
from aiops.events import Anomaly
from functions.correlate.config import CorrelateConfig

MAX_TEXT = 500
"""Characters of a text that are compared."""


def cells_of(anomaly: Anomaly, config: CorrelateConfig) -> tuple[Cell, ...]:
    """Return the cells of an anomaly, its own first.

    A rule waits before it fires: an external alert lies in cells of the time before it as well, so
    near to each other that they are linked.
    """
    own = cell_of(anomaly, config)
    if anomaly.alert is None:
        return (own,)
    step = min(config.window, config.recurrence) * 1000
    before = range(step, config.alert_lag * 1000 + step, step)
    times = (anomaly.time - min(back, config.alert_lag * 1000) for back in before)
    bucket = config.bucket * 1000
    earlier = (Cell(own.site, time // bucket * bucket) for time in times if time >= 0)
    return tuple(dict.fromkeys((own, *earlier)))


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
