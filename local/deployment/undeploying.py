"""Takes an installation away: what feeds functions first, what holds data only where asked."""

from collections.abc import Callable, Sequence
from pathlib import Path

from aiops.errors import Misconfigured
from local.checks.installation import NAMESPACE
from local.deployment import preflight
from local.deployment.function import SERVICE
from local.deployment.runner import Runner
from local.deployment.stages import (
    AFTER_FUNCTIONS,
    FOUNDATION,
    SERVERS,
    WATCHING,
    resource,
    taken_away,
)
from local.rendering import documents, render


def undeploy(
    runner: Runner,
    overlay: Path,
    services: Sequence[str],
    confirm: Callable[[str], bool],
    *,
    data: bool,
) -> None:
    """Delete what an overlay applied, and the functions.

    One by one, each waited for: a topic whose Kafka goes first is never gone.

    Args:
        runner: Runs programs.
        overlay: Its folder.
        services: Names of the functions' Services.
        confirm: Asks whoever is there.
        data: Whether Kafka, topics, Redis and what they need go, too, with the namespace.

    Raises:
        Misconfigured: nobody said yes.
        Unavailable: a program failed.
    """
    given = documents(render(overlay))
    later = (FOUNDATION, SERVERS, WATCHING) if data else (WATCHING,)
    context = preflight.context(runner)
    what = "everything, with all data," if data else "functions and what feeds them"
    if not runner.dry and not confirm(f"delete {what} from {context}?"):
        raise Misconfigured("nothing was changed: nobody said yes")
    gone = [
        *((resource(one), one["metadata"]["name"]) for one in taken_away(given, AFTER_FUNCTIONS)),
        *((SERVICE, name) for name in services),
        *((resource(one), one["metadata"]["name"]) for one in taken_away(given, later)),
    ]
    for kind, name in gone:
        runner.run(
            ["kubectl", "delete", kind, name, "--namespace", NAMESPACE, "--ignore-not-found",
             "--timeout=300s"]
        )  # fmt: skip
