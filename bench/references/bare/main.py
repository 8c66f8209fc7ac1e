"""bare: takes a request and answers, nothing else; what the framework costs."""

import flask
import functions_framework


@functions_framework.http
def bare(request: flask.Request) -> tuple[str, int]:
    """Read the body and answer 204; a readiness probe gets its 200."""
    request.get_data()
    return ("ok\n", 200) if request.method == "GET" else ("", 204)
