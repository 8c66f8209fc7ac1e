"""The gateway: whether it believes nobody who has not signed."""

from collections.abc import Iterator

import requests

from aiops.plugins import available
from local.doctor.finding import Finding, good, skipped

_SECONDS = 10.0
_REFUSED, _UNKNOWN = 401, 404


def checks(url: str) -> Iterator[Finding]:
    """Yield for each sender how a request is answered that nobody has signed."""
    for sender in available("functions.gateway.senders"):
        check = f"signatures-{sender}"
        try:
            answer = requests.post(
                f"{url.rstrip('/')}/{sender}", data=b"{}", timeout=_SECONDS, allow_redirects=False,
                headers={"Content-Type": "application/json"},
            )  # fmt: skip
        except requests.RequestException as error:
            advice = "look at the route of aiops-gateway, its pod, and the ingress"
            told = f"does not answer: {type(error).__name__}"
            yield Finding("gateway", "bad", told, advice)
            return
        yield judged(check, answer.status_code)


def judged(check: str, status: int) -> Finding:
    """Return what an answer to an unsigned request means."""
    if status == _REFUSED:
        return good(check, "a request that nobody signed is refused")
    if status == _UNKNOWN:
        return skipped(check, "nobody of that name is listened to")
    if status < 400:
        told = f"{status}: a request that nobody signed is taken"
        return Finding(check, "bad", told, "take the gateway off the net, and look what is there")
    return Finding(check, "warning", f"{status}: expected 401", "look at the log of aiops-gateway")
