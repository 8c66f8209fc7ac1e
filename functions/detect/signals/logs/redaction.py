"""What a line says, without the secrets that people log by mistake. Pure.

A list of patterns finds what looks like a secret, and no list finds all: examples of lines are kept
short, few and only of errors.
"""

import re

from aiops.alerts import plain

MAX_EXAMPLE = 300
"""Characters of an example."""

_LOOKED_AT = 2 * MAX_EXAMPLE

_TELLING_NAMES = (
    r"passw(?:or)?d|passwd|pwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key"
    r"|credentials?|session[_-]?id|cookie|signature|authorization"
)
_SCHEMES = r"digest|token|apikey|negotiate|ntlm|aws4-hmac-sha256"
"""In front of credentials, beside the two that need no name before them."""

_RULES = tuple(
    (re.compile(pattern), instead)
    for pattern, instead in (
        (r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*", "<private key>"),
        (r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}", r"\1 <redacted>"),
        (
            (
                rf"(?i)([\w.-]{{0,32}}(?:{_TELLING_NAMES})[\w.-]{{0,32}}[\"']?\s{{0,4}}[:=]\s{{0,4}})"
                r"(?:\"[^\"]{1,512}\"?|'[^']{1,512}'?|(?!bearer|basic)"
                rf"(?:(?:{_SCHEMES})\s{{1,4}})?[^\s\"',;&]{{1,512}})"
            ),
            r"\1<redacted>",
        ),
        (r"\beyJ[\w-]{6,}(?:\.[\w-]*){0,4}", "<jwt>"),
        (r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}", "<key>"),
        (
            (
                r"\b(?:gh[pousr]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{12,}|xox[a-z]-[\w-]{8,}"
                r"|whsec_[\w+/=]{8,}|sk[-_][\w-]{12,}|AIza[\w-]{20,})"
            ),
            "<key>",
        ),
        (r"(?i)(hooks\.slack\.com/\w{1,16}/)[\w/-]{4,256}", r"\1<redacted>"),
        (r"(://)[^\s/@:]{0,64}:[^\s/@]{1,128}@", r"\1<redacted>@"),
        (r"\b[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,4}", "<email>"),
        (r"(?<![\d.-])\d(?:[ -]?\d){12,18}(?![\d.-])", "<number>"),
    )
)


def example_of(text: str) -> str:
    """Return a line as it may be shown: without secrets, printable, at most 300 characters."""
    return plain(redacted(text.strip()[:_LOOKED_AT]))[:MAX_EXAMPLE]


def redacted(text: str) -> str:
    """Return text with marks in the place of what looks like a secret."""
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return text
