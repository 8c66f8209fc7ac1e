"""Which environment variables the code of a function reads: names in capitals in its sources."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

_NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
_ACCESS = ("{}_ACCESS", "{}_TOKEN_FILE")
_SERVERS = ("PROMETHEUS", "LOKI")
"""Servers whose files `aiops.adapters.access` names by putting the names together."""


def variables(root: Path, folder: str) -> frozenset[str]:
    """Return the names that occur in the code of a function and in what all functions share."""
    sources = (root / "shared" / "aiops", root / "functions" / folder)
    found = {name for source in sources for file in source.rglob("*.py") for name in _names(file)}
    built = {form.format(server) for form in _ACCESS for server in _SERVERS}
    return frozenset(found | built)


def _names(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_bytes())):
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, str) and _NAME.fullmatch(value):
            yield value
