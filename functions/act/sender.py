"""Requests over HTTP: one try, bounded in time, no redirects, nothing secret in what it reports."""

import logging
from functools import cached_property
from typing import Protocol

import requests
from urllib3.exceptions import NewConnectionError

from functions.act.answer import Answer, answer_of, no_answer
from functions.act.channel import Request

CONNECT_SECONDS = 2.0
READ_SECONDS = 4.0
CALL_SECONDS = CONNECT_SECONDS + 2 * READ_SECONDS
"""A call at its slowest: the connection, the status, then the body that says why."""

_BODY_BYTES = 2_048


class Sender(Protocol):
    """Where requests go."""

    def send(self, request: Request) -> Answer:
        """Make one attempt and return what became of it; never raises for what a receiver does."""


class HttpSender:
    """Sends over real sockets, keeping connections open between requests.

    Neither proxies nor credentials are taken from the environment or from `.netrc`.
    """

    def __init__(self, read_seconds: float = READ_SECONDS) -> None:
        self._timeout = (CONNECT_SECONDS, read_seconds)

    @cached_property
    def _session(self) -> requests.Session:
        # urllib3 logs the path of every request at DEBUG, and for Slack the path is the secret.
        logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
        session = requests.Session()
        session.trust_env = False
        return session

    def send(self, request: Request) -> Answer:
        """Make one attempt."""
        try:
            with self._session.post(
                request.url,
                data=request.body,
                headers={"Content-Type": "application/json", **request.headers},
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                return answer_of(
                    response.status_code,
                    _beginning(response),
                    response.headers.get("Retry-After", ""),
                    request.retry,
                    (request.url, *request.secrets),
                )
        except requests.ConnectTimeout:
            return no_answer("no connection in time", may_have_arrived=False)
        except requests.Timeout:
            return no_answer("no answer in time", may_have_arrived=True)
        except requests.exceptions.SSLError:
            return no_answer("TLS: the receiver could not be verified", may_have_arrived=False)
        except requests.ConnectionError as error:
            return no_answer("connection failed", may_have_arrived=not _never_connected(error))
        except requests.RequestException as error:
            return no_answer(type(error).__name__, may_have_arrived=True)


def _never_connected(error: requests.ConnectionError) -> bool:
    """Return whether nothing can have been sent, because there was no connection at all."""
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", None), NewConnectionError)


def _beginning(response: requests.Response) -> bytes:
    """Return the beginning of an answer's body; it is only quoted, so a broken one is none."""
    if response.status_code < 400:
        return b""
    try:
        return next(response.iter_content(_BODY_BYTES), b"")
    except requests.RequestException:
        return b""
