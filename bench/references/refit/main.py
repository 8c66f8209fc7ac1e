"""refit: detection as it is often written first, a model fitted anew for every sample.

Redis holds the history of a series as a JSON list. For each sample it is read, an isolation forest
is fitted to it, the sample is judged, and the list, one longer, is written back.
"""

import json
import os
from functools import cache

import flask
import functions_framework
import numpy as np
import redis
from sklearn.ensemble import IsolationForest

HISTORY = 1_000


@cache
def client() -> "redis.Redis":
    """Return the connection."""
    return redis.Redis.from_url(os.environ["REDIS_URL"])  # noqa: TID251 - knows no settings of ours


@functions_framework.http
def refit(request: flask.Request) -> tuple[str, int]:
    """Judge every sample of an event; a readiness probe gets its 200."""
    if request.method == "GET":
        return "ok\n", 200
    event = json.loads(request.get_data())
    for index, time, value in event["samples"]:
        judge(event["series"][index], time, value)
    return "", 204


def judge(head: dict[str, object], time: int, value: float) -> bool:
    """Return whether a sample is an outlier of its series, and remember it."""
    key = f"refit:{json.dumps(head, sort_keys=True)}"
    history = json.loads(client().get(key) or "[]")
    history = [*history, [time, value]][-HISTORY:]
    values = np.array([past for _, past in history]).reshape(-1, 1)
    forest = IsolationForest(random_state=0).fit(values)
    client().set(key, json.dumps(history))
    return bool(forest.predict(values[-1:])[0] == -1)
