"""Who judges a series, what it has learned and where its line stands, by its state in Redis."""

import argparse
import json
import re
import sys

from aiops.adapters.redis_client import connect
from aiops.adapters.redis_models import RedisModels
from aiops.adapters.redis_series import RedisSeriesStore
from aiops.adapters.redis_verdicts import RedisVerdicts
from aiops.clock import SystemClock
from aiops.errors import Misconfigured
from aiops.events import SeriesHead
from aiops.series import Series, SeriesMap, shard_of
from aiops.settings import read_config, read_section
from functions.detect.account import account
from functions.detect.config import DetectConfig
from functions.detect.record import header_of
from functions.detect.scoring import Scorer
from local.anomalies import published
from local.places import keys_of

_SELECTOR = re.compile(r"([^{}]+?)\s*(?:\{(.*)\})?\s*")
_LABEL = re.compile(r'\s*([A-Za-z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')


def explain_series(options: argparse.Namespace) -> int:
    """Print what there is to say; 1 where nobody knows what a key stands for.

    Raises:
        Misconfigured: it is no name of a series, or a section of the configuration is wrong.
        Unavailable: Redis, or the broker, does not answer.
    """
    sections = read_config(options.config)
    config = read_section(sections, "detect", DetectConfig)
    names = read_section(sections, "series", SeriesMap)
    keys = keys_of(options)
    client, clock = connect(options.redis_url), SystemClock()
    models = RedisModels(client, keys, clock)
    head = named(options.subject, models, options.bootstrap_servers)
    series = names.read(head) if head else 'no name is known of it; give metric{label="value"}'
    if isinstance(series, str):
        sys.stderr.write(f"aiops explain: {options.subject}: {series}\n")
        return 1
    place = (shard_of(series.key), series.key)
    (record,) = RedisSeriesStore(client, keys).load([place], (), 0).records
    (given,) = RedisVerdicts(client, keys).read([place])
    header = None if record is None else header_of(record, Scorer(config, "").kinds)
    told = account(config, series, header, given, models.status(series.key), clock.now())
    print(
        json.dumps({"series": _shown(series), "account": told}) if options.json else "\n".join(told)
    )
    return 0


def named(text: str, models: RedisModels, bootstrap: str) -> SeriesHead | None:
    """Return what a key or a name stands for; None where nobody knows the key's name.

    Raises:
        Misconfigured: it is neither a key nor a name.
    """
    if not re.fullmatch(r"[0-9a-f]{32}", text):
        return read_name(text)
    status = models.status(text)
    if status is not None:
        return SeriesHead(metric=status.metric, labels=status.labels)
    for anomaly in published(bootstrap) if bootstrap else ():
        if anomaly.series == text:
            return SeriesHead(metric=anomaly.metric, labels=anomaly.labels)
    return None


def read_name(text: str) -> SeriesHead:
    """Return a series by its name as Prometheus writes it.

    Raises:
        Misconfigured: it is no such name.
    """
    found = _SELECTOR.fullmatch(text)
    inside = (found[2] or "").strip() if found else ""
    labels, at = {}, 0
    while found and at < len(inside):
        label = _LABEL.match(inside, at)
        if label is None:
            found = None
            break
        labels[label[1]] = re.sub(r"\\(.)", r"\1", label[2])
        at = label.end()
    if found is None:
        raise Misconfigured(f'{text}: expected a key, or metric{{label="value"}}')
    return SeriesHead(metric=found[1], labels=labels)


def _shown(series: Series) -> dict[str, object]:
    return {"key": series.key, "metric": series.metric, "labels": dict(series.labels)}
