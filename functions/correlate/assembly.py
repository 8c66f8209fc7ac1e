"""The handler, put together from its ports and its configuration."""

from aiops import plugins
from aiops.clock import Clock
from aiops.incident_store import IncidentStore
from aiops.ports import Publisher
from aiops.topology import EMPTY, Topology
from functions.correlate.arrivals import Arrivals
from functions.correlate.atlas import Atlas
from functions.correlate.config import CorrelateConfig
from functions.correlate.domain import Domain
from functions.correlate.handler import Correlate
from functions.correlate.judging import Judge
from functions.correlate.linking import Linker
from functions.correlate.outbox import Outbox
from functions.correlate.topology_file import read_topology


def assemble(  # noqa: PLR0913, PLR0917 - the one place that knows all parts
    domain: str,
    store: IncidentStore,
    publisher: Publisher,
    clock: Clock,
    config: CorrelateConfig,
    topology: Topology | None = None,
) -> Correlate:
    """Return the handler of a domain.

    Args:
        domain: Whose anomalies are taken.
        store: The domain's state.
        publisher: Where snapshots go.
        clock: Versions and the age of what waits to be published.
        config: What was configured.
        topology: Who calls whom until a topology is observed; None for what the configured file
            says, if any.

    Raises:
        Misconfigured: there is no such correlator, ranker, severity or topology file.
    """
    correlators = [
        plugins.load("functions.correlate.correlators", name, "Correlator")(config)
        for name in config.correlators
    ]
    ranker = plugins.load("functions.correlate.rankers", config.ranker, "Ranker")()
    severity = plugins.load("functions.correlate.severities", config.severity, "Severity")(config)
    state = Domain(domain, store, clock, config)
    if topology is None:
        topology = read_topology(config.topology_file) if config.topology_file else EMPTY
    atlas = Atlas(store, topology)
    judge = Judge(store, ranker, severity, atlas, config)
    linker = Linker(correlators, config.threshold, config.time_weight)
    return Correlate(state, Arrivals(state, linker, atlas, judge), Outbox(state, publisher, judge))
