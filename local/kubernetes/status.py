"""Errors as the API server words them."""

from collections.abc import Mapping
from typing import Any

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}
"""Source: https://github.com/kubernetes/apimachinery/blob/master/pkg/apis/meta/v1/types.go"""


class Refused(Exception):
    """A call that is not granted, with the status the server answers."""

    def __init__(self, code: int, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.content = status(code, message, reason)


def status(code: int, message: str, reason: str = "") -> Mapping[str, Any]:
    """Return an error as an object."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason or REASONS.get(code, ""),
        "code": code,
    }
