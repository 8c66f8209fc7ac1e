"""The process in which Apprise runs: an order a line in, what became of it a line out.

Apprise ends no delivery in time, follows redirects, connects to wherever a name leads, tells only
that something failed, and writes addresses with their passwords into its log. Here it is watched,
and it can be ended.
"""

import os
import smtplib
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO, cast

import apprise
import orjson
import requests

from functions.act.allowed import Allowed

_CONNECTING = frozenset(("socket.connect", "socket.sendto", "socket.sendmsg"))
_STARTS_DATA = 354
"""What a mail server answers to DATA: from here on the message may be on its way."""


@dataclass(slots=True)
class Seen:
    """What was seen of one delivery.

    Attributes:
        understood: Whether Apprise can read the address.
        sent: Whether Apprise says it was delivered.
        connected: Whether there was a connection, so that something may have been sent.
        denied: Whether an address was not allowed.
        taken: Whether a receiver said yes to something.
        status: Of the last HTTP answer; 0 where there is none to the last request.
        retry_after: Of that answer.
        mail: The last refusal of a mail server; else 0.
    """

    understood: bool = False
    sent: bool = False
    connected: bool = False
    denied: bool = False
    taken: bool = False
    status: int = 0
    retry_after: str = ""
    mail: int = 0


@dataclass(slots=True)
class Watch:
    """Watches what Apprise's libraries do, and keeps them from where they may not go."""

    allowed: Allowed = field(default_factory=Allowed)
    seen: Seen = field(default_factory=Seen)
    checked: set[str] = field(default_factory=set)

    def install(self) -> None:
        """Watch all connections, HTTP answers and mail replies of this process from now on."""
        self._watch_connections()
        self._watch_http()
        self._watch_mail()

    def _watch_connections(self) -> None:
        look_up, connect = socket.getaddrinfo, socket.socket.connect

        def looked_up(host: Any, *args: Any, **kwargs: Any) -> Any:
            found = look_up(host, *args, **kwargs)
            name = host.decode() if isinstance(host, bytes) else str(host or "")
            if not all(self.allowed.permits(name, str(one[4][0])) for one in found):
                self.seen.denied = True
                raise socket.gaierror(socket.EAI_NONAME, "not allowed")
            self.checked.update(str(one[4][0]) for one in found)
            return found

        def connected(one: socket.socket, address: Any) -> None:
            connect(one, address)
            self.seen.connected = True

        socket.getaddrinfo = looked_up
        socket.socket.connect = cast("Any", connected)  # type: ignore[method-assign] # watched
        sys.addaudithook(self._audit)

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        """Refuse connections to what was not looked up and checked, unix sockets included."""
        if event in _CONNECTING and args[1] is not None and not self._may(args[1]):
            self.seen.denied = True
            raise PermissionError(event)

    def _may(self, address: Any) -> bool:
        """Return whether an address was checked; one that was never looked up is so here."""
        if not isinstance(address, tuple):
            return False
        host = str(address[0])
        try:
            return host in self.checked or self.allowed.permits(host, host)
        except ValueError:  # a name, which the system would look up behind our back
            return False

    def _watch_http(self) -> None:
        send = requests.Session.send

        def sent(session: Any, *args: Any, **kwargs: Any) -> Any:
            self.seen.status = 0
            response = send(session, *args, **{**kwargs, "allow_redirects": False})
            self.seen.taken |= 200 <= response.status_code < 300
            self.seen.status = response.status_code
            self.seen.retry_after = response.headers.get("Retry-After", "")
            return response

        requests.Session.send = cast("Any", sent)  # type: ignore[method-assign] # watched

    def _watch_mail(self) -> None:
        get_reply = smtplib.SMTP.getreply
        data = smtplib.SMTP.data

        def replied(server: Any) -> Any:
            reply = get_reply(server)
            if reply[0] == _STARTS_DATA:
                self.seen.mail = 0
            elif reply[0] >= 400:
                self.seen.mail = reply[0]
            return reply

        def told(server: Any, message: Any) -> Any:
            reply = data(server, message)
            self.seen.taken |= reply[0] == 250
            return reply

        smtplib.SMTP.getreply = cast("Any", replied)  # type: ignore[method-assign] # watched
        smtplib.SMTP.data = cast("Any", told)  # type: ignore[method-assign] # watched


def perform(order: Mapping[str, Any], watch: Watch) -> None:
    """Deliver one message, or only look whether its address can be read; noted in `watch.seen`."""
    asset = apprise.AppriseAsset(
        app_id="aiops",
        app_desc="aiops",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        async_mode=False,
        http_redirects=False,
        plugin_paths=[],
        storage_mode=apprise.PersistentStoreMode.MEMORY,
    )
    service = apprise.Apprise.instantiate(order["url"], asset=asset)
    watch.seen.understood = service is not None
    if service is None or order.get("check"):
        return
    box = apprise.Apprise(asset=asset)
    box.add(service)
    watch.seen.sent = bool(
        box.notify(
            body=order["body"],
            title=order["title"],
            notify_type=order["kind"],
            body_format=apprise.NotifyFormat.TEXT,
            interpret_escapes=False,
        )
    )


def serve(orders: BinaryIO, write: Callable[[bytes], object]) -> None:
    """Perform orders until there are no more; one that takes too long ends the process."""
    watch = Watch()
    watch.install()
    once = threading.Lock()

    def reply(*, ended: bool = False) -> None:
        write(orjson.dumps({**asdict(watch.seen), "ended": ended}) + b"\n")

    def give_up() -> None:
        if once.acquire(blocking=False):
            reply(ended=True)
            os._exit(1)

    for line in orders:
        order = orjson.loads(line)
        watch.seen, watch.allowed = Seen(), Allowed.parse(order["allowed"])
        watch.checked.clear()
        timer = threading.Timer(order["seconds"], give_up)
        timer.daemon = True
        timer.start()
        perform(order, watch)
        if not once.acquire(blocking=False):
            return
        timer.cancel()
        reply()
        once.release()


if __name__ == "__main__":
    with os.fdopen(os.dup(1), "wb", buffering=0) as answers:
        os.dup2(2, 1)
        serve(sys.stdin.buffer, answers.write)
