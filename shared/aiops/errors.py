"""The error tree: two leaves decide what becomes of an event.

AiopsError
├── Rejected       the input is wrong and will stay wrong: 400, straight to the dead letter topic
├── Unavailable    something we depend on is away: 503, delivered again
└── Misconfigured  a setting is wrong: the process does not start, one line names the setting
"""


class AiopsError(Exception):
    """Something this project foresees going wrong."""


class Rejected(AiopsError):
    """The event cannot be processed, now or later; the message names the field."""


class Unavailable(AiopsError):
    """A dependency cannot be reached or is over its bound; the event is to be delivered again."""


class Misconfigured(AiopsError):
    """A setting or a configuration file is wrong; the message names it."""
