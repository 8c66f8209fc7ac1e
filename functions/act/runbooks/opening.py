"""The runbooks of this installation, and the operations they name, ready to be used."""

from collections.abc import Callable

from aiops.errors import Misconfigured
from functions.act.operation import Operation
from functions.act.runbooks.loading import load_runbooks, operation_class
from functions.act.runbooks.proposing import Shelf

Read = Callable[[str], str | None]


def open_shelf(folder: str, read: Read) -> Shelf:
    """Return the runbooks of a folder with their operations; what is off needs none.

    Raises:
        Misconfigured: a file is wrong, or an operation that one names lacks a setting.
    """
    runbooks = load_runbooks(folder)
    active = [book for book in reversed(runbooks) if book.guard.mode != "off"]
    used = {kind: book.name for book in active for kind, _ in book.operations}
    operations = {kind: _opened(kind, name, read) for kind, name in used.items()}
    return Shelf(runbooks, operations)


def _opened(kind: str, runbook: str, read: Read) -> Operation:
    plugin = operation_class(kind)
    missing = [name for name in plugin.needs if not read(name)]
    if missing:
        raise Misconfigured(f"{missing[0]}: not set, and {runbook} needs it for {kind}")
    values = {name: read(name) or "" for name in plugin.needs}
    values |= {name: read(name) or default for name, default in plugin.takes.items()}
    return plugin(values)
