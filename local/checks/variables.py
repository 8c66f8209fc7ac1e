"""Which environment variables the code of a function reads: names in capitals in its sources."""

import ast
import re
from functools import cache
from pathlib import Path

_NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
_ACCESS = ("{}_ACCESS", "{}_TOKEN_FILE")
_SERVERS = ("PROMETHEUS", "LOKI")
"""Servers whose files `aiops.adapters.access` names by putting the names together."""


def variables(root: Path, folder: str) -> frozenset[str]:
    """Return the names that occur in the code of a function and in what all functions share."""
    sources = (root / "shared" / "aiops", root / "functions" / folder)
    found = {
        name
        for source in sources
        for file in source.rglob("*.py")
        for name in _names(file.read_bytes())
    }
    built = {form.format(server) for form in _ACCESS for server in _SERVERS}
    return frozenset(found | built)


@cache
def _names(source: bytes) -> frozenset[str]:
    """Return the names in a source; what functions share is read for each of them."""
    values = (one.value for one in ast.walk(ast.parse(source)) if isinstance(one, ast.Constant))
    return frozenset(one for one in values if isinstance(one, str) and _NAME.fullmatch(one))
