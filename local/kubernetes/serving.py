"""HTTP for the stand-in: requests read whole, answers written whole."""

import sys
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MAX_BODY = 3 * 1024 * 1024
"""Source: https://github.com/kubernetes/apiserver (MaxRequestBodyBytes)"""

Respond = Callable[[str, str, Mapping[str, str], bytes], tuple[int, Mapping[str, str], bytes]]
"""Method, target, headers and body to code, headers and body."""


class Server(ThreadingHTTPServer):
    """Takes a client that hangs up for what it is: killed functions do."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that hung up."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def handler(respond: Respond) -> type[BaseHTTPRequestHandler]:
    """Return what reads requests and writes what `respond` says."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(min(length, MAX_BODY))
            if len(body) < length:  # whoever sent it is gone
                self.close_connection = True
                return
            lower = {name.lower(): value for name, value in self.headers.items()}
            code, headers, reply = respond(self.command, self.path, lower, body)
            self.send_response(code)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _serve  # noqa: N815 - the server's names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the server's name for it
            """Say nothing: there is the audit."""

    return Handler
