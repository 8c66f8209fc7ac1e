"""Secrets and signatures: any of several secrets, every comparison in constant time."""

import base64
import binascii
import hmac
import re
from collections.abc import Iterable, Sequence

from aiops.errors import Misconfigured
from functions.gateway.sender import Forged, Request

WINDOW_SECONDS = 300
"""How far a signed time may lie from now, on either side.

Source: https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

MOST_SECRETS = 8
MOST_SIGNATURES = 16
"""Signatures of one request that are looked at."""

LEAST_CHARACTERS = 16
"""A shorter secret could be tried out."""

_STANDARD_BYTES = range(24, 65)


def secrets_in(name: str, written: str) -> tuple[bytes, ...]:
    """Return the secrets of a variable, commas or blanks between them.

    Raises:
        Misconfigured: there is none, there are too many, or one is too short.
    """
    found = written.replace(",", " ").split()
    if not 0 < len(found) <= MOST_SECRETS:
        raise Misconfigured(f"{name}: 1 to {MOST_SECRETS} secrets, commas between them")
    if any(len(secret) < LEAST_CHARACTERS for secret in found):
        raise Misconfigured(f"{name}: a secret has at least {LEAST_CHARACTERS} characters")
    return tuple(secret.encode() for secret in found)


def standard_secrets_in(name: str, written: str) -> tuple[bytes, ...]:
    """Return the secrets of a variable as Standard Webhooks writes them.

    Raises:
        Misconfigured: one is not written so.
    """
    return tuple(_decoded(name, secret) for secret in secrets_in(name, written))


def check_hex(given: Iterable[str], secrets: Sequence[bytes], signed: bytes) -> None:
    """Return where one of some signatures is the HMAC-SHA256 of what was signed.

    Raises:
        Forged: none is.
    """
    _check(given, [hmac.new(secret, signed, "sha256").hexdigest() for secret in secrets])


def check_tokens(given: str, secrets: Sequence[bytes]) -> None:
    """Return where a token is one of the secrets.

    Raises:
        Forged: it is none.
    """
    _check([given], [secret.decode() for secret in secrets])


def check_standard(request: Request, secrets: Sequence[bytes]) -> str:
    """Return the id of a request signed as Standard Webhooks says.

    Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

    Raises:
        Forged: no signature is right, or the time is not.
    """
    name = request.headers.get("webhook-id", "")
    stamp = request.headers.get("webhook-timestamp", "")
    check_time(stamp, request)
    if not re.fullmatch(r"[!-~]{1,255}", name):
        raise Forged("webhook-id: missing, or too long")
    signed = f"{name}.{stamp}.".encode() + request.body
    digests = (hmac.digest(secret, signed, "sha256") for secret in secrets)
    expected = [f"v1,{base64.b64encode(digest).decode()}" for digest in digests]
    _check(request.headers.get("webhook-signature", "").split(" "), expected)
    return name


def check_time(stamp: str, request: Request) -> None:
    """Return where a time in unix seconds lies within the window.

    Raises:
        Forged: it is no time, or lies outside.
    """
    if not re.fullmatch(r"[0-9]{1,12}", stamp):
        raise Forged("timestamp: missing, or no number")
    if abs(request.unix_ms / 1000 - int(stamp)) > WINDOW_SECONDS:
        raise Forged(f"timestamp: more than {WINDOW_SECONDS} seconds from now")


def _check(given: Iterable[str], expected: Sequence[str]) -> None:
    """Compare every signature with every one expected, so that the time taken says nothing."""
    found = False
    for signature in list(given)[:MOST_SIGNATURES]:
        for one in expected:
            found |= hmac.compare_digest(signature.encode(errors="replace"), one.encode())
    if not found:
        raise Forged("signature: missing, or of nobody known")


def _decoded(name: str, written: bytes) -> bytes:
    prefix, _, rest = written.partition(b"_")
    try:
        secret = base64.b64decode(rest, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if prefix != b"whsec" or len(secret) not in _STANDARD_BYTES:
        raise Misconfigured(f"{name}: expected whsec_ and the base64 of 24 to 64 bytes")
    return secret
