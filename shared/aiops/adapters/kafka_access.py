"""How Kafka is talked to where it wants to know who asks, or nobody else is to listen."""

import ssl
from collections.abc import Mapping
from typing import Any

from aiops.errors import Misconfigured
from aiops.settings import secret

PLAIN = "PLAINTEXT"
PROTOCOLS = (PLAIN, "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


def kafka_access(environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return what a client is told beside the brokers' addresses.

    Of `KAFKA_SECURITY_PROTOCOL` (as Kafka names them; none: in clear, as nobody), `KAFKA_CA` (PEM;
    none: the authorities this system trusts), `KAFKA_SASL_MECHANISM`, `KAFKA_SASL_USERNAME` and
    `KAFKA_SASL_PASSWORD`.

    Raises:
        Misconfigured: one is wrong or missing; the message names it, and never its value.
    """
    protocol = secret("KAFKA_SECURITY_PROTOCOL", environ) or PLAIN
    if protocol not in PROTOCOLS:
        raise Misconfigured(f"KAFKA_SECURITY_PROTOCOL: expected one of {', '.join(PROTOCOLS)}")
    found: dict[str, Any] = {} if protocol == PLAIN else {"security_protocol": protocol}
    if protocol.startswith("SASL"):
        found |= _sasl(environ)
    if protocol.endswith("SSL"):
        found["ssl_context"] = _context(secret("KAFKA_CA", environ))
    return found


def _sasl(environ: Mapping[str, str] | None) -> dict[str, str]:
    mechanism = secret("KAFKA_SASL_MECHANISM", environ) or ""
    if mechanism not in MECHANISMS:
        raise Misconfigured(f"KAFKA_SASL_MECHANISM: expected one of {', '.join(MECHANISMS)}")
    found = {"sasl_mechanism": mechanism}
    for name, setting in (
        ("KAFKA_SASL_USERNAME", "sasl_plain_username"),
        ("KAFKA_SASL_PASSWORD", "sasl_plain_password"),
    ):
        value = secret(name, environ)
        if value is None:
            raise Misconfigured(f"{name}: not set")
        found[setting] = value
    return found


def _context(authority: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cadata=authority)
    except ssl.SSLError:
        raise Misconfigured("KAFKA_CA: no certificates in PEM") from None
