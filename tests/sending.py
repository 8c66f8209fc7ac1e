"""A sender that may talk to this machine, as tests do."""

from functions.act.allowed import Allowed
from functions.act.connecting import Connector
from functions.act.sender import READ_SECONDS, HttpSender

HERE = Allowed.parse("127.0.0.0/8")


def local_sender(read_seconds: float = READ_SECONDS, *, allowed: str = "127.0.0.0/8") -> HttpSender:
    """Return a sender to receivers on the loopback interface."""
    return HttpSender(Connector(Allowed.parse(allowed)), read_seconds)
