"""Receivers that do not answer as they should."""

import contextlib
import socket
import threading


class Trickling:
    """A receiver that gives ``start`` at once, the rest byte by byte; a context manager."""

    def __init__(self, start: bytes, rest: bytes, seconds: float = 0.01) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._start, self._rest, self._seconds = start, rest, seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}/"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._server.close()
        self._thread.join(5)

    def _run(self):
        with contextlib.suppress(OSError):
            connection, _ = self._server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(self._start)
                for byte in self._rest:
                    if self._stopping.wait(self._seconds):
                        return
                    connection.sendall(bytes((byte,)))
