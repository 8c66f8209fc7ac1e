"""Secrets that somebody wrote into a policy, where everybody can read them. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence

_SECRETS = (
    re.compile(r"whsec_[A-Za-z0-9+/=]{16,}"),
    re.compile(r"xox[abeprs]-[A-Za-z0-9-]{8,}"),
    re.compile(r"xapp-[A-Za-z0-9-]{8,}"),
    re.compile(r"https://hooks\.slack(?:-gov)?\.com/\S+"),
    re.compile(r"[a-z][a-z0-9+.-]*://[^\s/@:]*:[^\s/@]+@\S+"),
    re.compile(r"(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{32,}"),
    re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+"),
)
"""Webhook secrets, Slack's tokens and addresses, addresses with a password in them, keys of 32
letters and digits as PagerDuty's, signed tokens."""

ADVICE = (
    "looks like a secret; put it into an environment variable (from a Kubernetes Secret)"
    " and name that variable under 'settings'"
)


def is_secret(text: str) -> bool:
    """Return whether a text looks like a secret, or holds one."""
    return any(pattern.search(text) for pattern in _SECRETS)


def secrets_in(content: object, path: str = "") -> Iterator[str]:
    """Yield the path of every text in what was read from YAML that looks like a secret."""
    if isinstance(content, str):
        if is_secret(content):
            yield path
    elif isinstance(content, Mapping):
        for name, value in content.items():
            yield from secrets_in(value, f"{path}.{name}" if path else str(name))
    elif isinstance(content, Sequence):
        for place, value in enumerate(content):
            yield from secrets_in(value, f"{path}.{place}" if path else str(place))
