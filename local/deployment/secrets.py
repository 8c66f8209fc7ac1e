"""The Secrets an installation needs, with passwords nobody has seen."""

import re
import secrets

from local.functions import ROOT

_PLACE = re.compile(r"\$\{(\w+)\}")
_BYTES = 24


def filled(text: str) -> str:
    """Return templates in which each name in `${...}` is one random password wherever it stands."""
    passwords: dict[str, str] = {}

    def one(found: re.Match[str]) -> str:
        return passwords.setdefault(found[1], secrets.token_urlsafe(_BYTES))

    lines = [line if line.lstrip().startswith("#") else _PLACE.sub(one, line)
             for line in text.splitlines(keepends=True)]  # fmt: skip
    return "".join(lines)


def generated() -> str:
    """Return knative/secrets with passwords."""
    file = ROOT / "knative" / "secrets" / "secrets.yaml"
    return filled(file.read_text(encoding="utf-8"))
