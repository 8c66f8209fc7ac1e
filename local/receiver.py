"""A stand-in for Slack, PagerDuty and other receivers: a real server on this machine.

It checks what arrives as the vendors document it, answers as they do, and keeps what it accepted in
order, so that a demo can print it and a test can count it. It shares no code with the channels.
"""

import base64
import hmac
import json
import secrets
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from local.cdevents import cdevent
from local.rates import Rate
from local.receiving import Fault, Message, notification, pagerduty, slack, webhook
from local.slack.workspace import ROOT, Workspace

PATHS = {
    "/services/T00000000/B00000000/": "slack",
    "/v2/enqueue": "pagerduty",
    "/webhook": "webhook",
    "/apprise/": "apprise",
    "/cdevents/": "cdevents",
    ROOT: "slack_bot",
}
TOO_MANY = 429


@dataclass(slots=True)
class _Orders:
    """What a channel was told to do with the next requests."""

    status: int = 0
    times: int = 0
    retry_after: int | None = None
    body: str = ""
    delay: float = 0.0


class _Server(ThreadingHTTPServer):
    """Takes a client that hangs up for what it is: killed functions do."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that hung up."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Receiver:
    """Serves all of them on one free port of the loopback interface; a context manager.

    Args:
        rates: How often channels may be called; as often as anyone likes where none is given.

    Attributes:
        url: Where it listens.
        workspace: What a bot of Slack sees; its settings are in its `environment`.
    """

    def __init__(self, rates: Mapping[str, Rate] | None = None) -> None:
        self._rates = rates or {}
        self._slack_token = secrets.token_hex(12)
        self._routing_key = secrets.token_hex(16)
        self._signing_key = secrets.token_bytes(32)
        self._apprise_token = secrets.token_hex(12)
        self._sink_token = secrets.token_hex(12)
        self._lock = threading.Lock()
        self._accepted: list[Message] = []
        self._bodies: list[tuple[str, bytes]] = []
        self._refused: list[str] = []
        self._orders = {name: _Orders() for name in PATHS.values()}
        self._released = threading.Event()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._notifier = self.url.replace("http://", "json://")
        self.workspace = Workspace(self.url)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def __enter__(self) -> Self:
        """Start to serve."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def environment(self) -> Mapping[str, str]:
        """The settings that make `act` send here."""
        written = base64.b64encode(self._signing_key).decode()
        return {
            "ALLOWED_ADDRESSES": "127.0.0.0/8",
            "SLACK_WEBHOOK_URL": f"{self.url}/services/T00000000/B00000000/{self._slack_token}",
            "PAGERDUTY_URL": f"{self.url}/v2/enqueue",
            "PAGERDUTY_ROUTING_KEY": self._routing_key,
            "WEBHOOK_URL": f"{self.url}/webhook",
            "WEBHOOK_SECRET": f"whsec_{written}",
            "APPRISE_URLS": f"{self._notifier}/apprise/{self._apprise_token}",
        }

    @property
    def settings(self) -> Mapping[str, str]:
        """The same, with those of Slack's bot, which would tell all a second time."""
        return {**self.environment, **self.workspace.environment}

    @property
    def every(self) -> Mapping[str, str]:
        """The same, with a sink of CDEvents."""
        return {**self.settings, "CDEVENTS_URL": f"{self.url}/cdevents/{self._sink_token}"}

    @property
    def secrets(self) -> tuple[str, ...]:
        """What of the settings nobody else may see."""
        written = base64.b64encode(self._signing_key).decode()
        ours = (self._slack_token, self._routing_key, written, self._apprise_token)
        return (*ours, self._sink_token, self.workspace.token)

    @property
    def messages(self) -> tuple[Message, ...]:
        """What was accepted so far, in order."""
        with self._lock:
            return tuple(self._accepted)

    @property
    def bodies(self) -> tuple[tuple[str, bytes], ...]:
        """The channels and bodies of what was accepted so far, in order."""
        with self._lock:
            return tuple(self._bodies)

    @property
    def refusals(self) -> tuple[str, ...]:
        """Why messages were refused for what they were, in order."""
        with self._lock:
            return tuple(self._refused)

    def answer(
        self,
        channel: str,
        status: int,
        times: int = 1,
        *,
        retry_after: int | None = None,
        body: str = "",
    ) -> None:
        """Answer the next requests of a channel with a status, without accepting what they bring.

        In the body, `{url}`, `{body}` and `{headers}` are replaced by those of the request, as a
        careless receiver echoes them.
        """
        with self._lock:
            orders = self._orders[channel]
            orders.status, orders.times = status, times
            orders.retry_after, orders.body = retry_after, body

    def delay(self, channel: str, seconds: float) -> None:
        """Take so long to answer from now on; the message is accepted before the wait."""
        with self._lock:
            self._orders[channel].delay = seconds

    def _receive(
        self, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of the answer to one request."""
        channel = next((name for start, name in PATHS.items() if path.startswith(start)), "")
        if not channel:
            return 404, {}, b"no_service"
        with self._lock:
            orders = self._orders[channel]
            wait = orders.delay
            if orders.times > 0:
                orders.times -= 1
                return _ordered(orders, path, headers, body)
            busy = self._rates[channel].refusal() if channel in self._rates else None
        if busy is not None:
            return TOO_MANY, dict(busy), b"rate_limited"
        answer = self._judge(channel, path, headers, body)
        if wait:
            self._released.wait(wait)
        return answer

    def _judge(
        self, channel: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        try:
            message, status, reply = self._check(channel, path, headers, body)
        except Fault as fault:
            if fault.status != TOO_MANY:
                with self._lock:
                    self._refused.append(f"{channel}: {fault.reply.decode()}")
            return fault.status, fault.headers, fault.reply
        if message is not None:
            with self._lock:
                self._accepted.append(message)
                self._bodies.append((channel, body))
        return status, {}, reply

    def _check(
        self, channel: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[Message | None, int, bytes]:
        """Return an accepted message, None where it was a question only, and the answer."""
        if channel == "slack_bot":
            message, reply = self.workspace.receive(path, headers, body)
            return message, 200, reply
        if channel == "pagerduty":
            event = pagerduty(body, self._routing_key)
            said = {"status": "success", "message": "Event processed", "dedup_key": event.key}
            return event, 202, json.dumps(said).encode()
        if channel == "webhook":
            return webhook(headers, body, self._signing_key, time.time()), 204, b""
        tokens = {"apprise": self._apprise_token, "cdevents": self._sink_token}
        token = tokens.get(channel, self._slack_token)
        if not hmac.compare_digest(path.rsplit("/", 1)[-1], token):
            raise Fault(403, b"invalid_token")
        if channel == "apprise":
            return notification(headers, body), 200, b""
        if channel == "cdevents":
            return cdevent(headers, body), 202, b""
        return slack(headers, body), 200, b"ok"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receive = self._receive

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                if len(body) < length:  # whoever sent it is gone: no message, no fault
                    self.close_connection = True
                    return
                lower = {name.lower(): value for name, value in self.headers.items()}
                status, headers, reply = receive(self.path, lower, body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the server's name for it
                """Say nothing: what was accepted is kept, and paths hold secrets."""

        return Handler


def _ordered(
    orders: _Orders, path: str, headers: Mapping[str, str], body: bytes
) -> tuple[int, dict[str, str], bytes]:
    extra = {"Retry-After": str(orders.retry_after)} if orders.retry_after is not None else {}
    if 300 <= orders.status < 400:
        extra["Location"] = "/v2/enqueue"
    reply = (
        orders.body.replace("{url}", path)
        .replace("{headers}", " ".join(headers.values()))
        .replace("{body}", body.decode("utf-8", "replace"))
    )
    return orders.status, extra, b"" if orders.status in {204, 304} else reply.encode()
