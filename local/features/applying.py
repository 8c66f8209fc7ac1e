"""Which features apply to a metric, and where each is declared."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from aiops.events import SeriesHead
from aiops.selector import Selector
from aiops.series import SeriesMap
from functions.detect.config import CANARY, COUNTS, DetectConfig, Rule
from functions.detect.features.declared import Feature
from functions.detect.features.sets import SETS
from local.features import examples

COUNTERS = ("_total", "_bucket", "_count", "_sum")
"""How names of counters end. Source: Prometheus, "Metric and label naming", and its text format."""

OFF = "off"
CALENDAR = {"baseline", "auto", "prophet", "luminaire", "isolation_forest"}
FOREST = {"isolation_forest", "auto"}


@dataclass(frozen=True, slots=True)
class Applying:
    """A feature of a metric.

    Attributes:
        name: What it is called: its series, where it has one of its own.
        kind: `value`, `rate`, `quantile`, `ratio`, `saturation`, `delta`, `together`, `calendar` or
            `forest`.
        about: What it says.
        declared: Where; `off` and how it is switched on, where it is not.
        example: With numbers.
    """

    name: str
    kind: str
    about: str
    declared: str
    example: str


def features_of(head: SeriesHead, config: DetectConfig, names: SeriesMap) -> Iterator[Applying]:
    """Yield the features that apply to a series, those that are off last.

    Args:
        head: The series; one of a counter says so.
        config: What is configured.
        names: How series are read.
    """
    series = names.read(head)
    if isinstance(series, str):
        return
    place = config.rule_for(series)
    declared = f"detect.rules.{place}" if place < len(config.rules) else "detect.default"
    declared = "what comes with it" if config.rule(place) in (CANARY, COUNTS) else declared
    quantiles = list(_quantiles(head, config))
    yield from quantiles or [_own(head)]
    yield from _made(head, config)
    yield from _rows(head, config, names)
    yield from _of_rule(config.rule(place), declared)
    yield from _switched_off(head, config)


def is_counter(metric: str) -> bool:
    """Return whether a metric's name says that it is a counter."""
    return metric.endswith(COUNTERS)


def _own(head: SeriesHead) -> Applying:
    if head.kind == "counter":
        about = "what it grew by, a second; a reset gives none"
        return Applying(head.metric, "rate", about, "kind counter of the samples", examples.rate())
    return Applying(head.metric, "value", "as it is sent", "kind gauge of the samples", "3: 3")


def _quantiles(head: SeriesHead, config: DetectConfig) -> Iterator[Applying]:
    if not head.metric.endswith("_bucket"):
        return
    for place, one in enumerate(config.quantiles):
        if one.match.fits(head.metric, head.labels):
            for q in one.q:
                yield Applying(
                    f'{head.metric.removesuffix("_bucket")}{{quantile="{q:g}"}}', "quantile",
                    f"below it lies a share of {q:g} of what was counted since the sample before",
                    f"detect.quantiles.{place}", examples.quantile_of(q),
                )  # fmt: skip
            return


def _made(head: SeriesHead, config: DetectConfig) -> Iterator[Applying]:
    for place, one in enumerate(config.features):
        yield from _one(head, one, f"detect.features.{place}")
    for name in config.feature_sets:
        for one in SETS[name]:
            yield from _one(head, one, f"detect.feature_sets: {name}")


def _switched_off(head: SeriesHead, config: DetectConfig) -> Iterator[Applying]:
    for name, features in SETS.items():
        if name not in config.feature_sets:
            for one in features:
                yield from _one(head, one, f"{OFF}; add {name} to detect.feature_sets")


def _one(head: SeriesHead, feature: Feature, declared: str) -> Iterator[Applying]:
    asked = head.metric == feature.name
    if asked or any(_may_be(side, head) for side in feature.sides):
        counters = is_counter(feature.of.metric) or (head.kind == "counter" and not asked)
        about = f"{feature.about or feature.kind}: {_formula(feature)}"
        example = examples.feature(feature, counters=counters)
        yield Applying(feature.name, feature.kind, about, declared, example)


def _may_be(side: Selector, head: SeriesHead) -> bool:
    """Return whether a series may be on a side; labels that are not given may be anything."""
    return re.fullmatch(side.metric, head.metric) is not None and all(
        re.fullmatch(pattern, head.labels[name])
        for name, pattern in side.labels.items()
        if name in head.labels
    )


def _formula(feature: Feature) -> str:
    if feature.over is None:
        return f"growth of {_plain(feature.of)}"
    return f"{_plain(feature.of)} / {_plain(feature.over)}"


def _plain(side: Selector) -> str:
    labels = ", ".join(f'{name}=~"{pattern}"' for name, pattern in side.labels.items())
    return f"{side.metric}{{{labels}}}" if labels else side.metric


def _rows(head: SeriesHead, config: DetectConfig, names: SeriesMap) -> Iterator[Applying]:
    series = names.read(head)
    for place, rule in enumerate(config.rules):
        if head.metric in rule.together and not isinstance(series, str):
            yield Applying(
                rule.joint, "together", "how its value goes with those of the others",
                f"detect.rules.{place}.together",
                f"a row of {', '.join(rule.together)} of one service and time",
            )  # fmt: skip


def _of_rule(rule: Rule, declared: str) -> Iterator[Applying]:
    if rule.detector in CALENDAR:
        country = rule.params.get("country")
        where = f"the calendar of {country}" if country else "Saturday and Sunday off"
        yield Applying(
            "hour and kind of day", "calendar",
            f"what is usual at this hour of working days and days off ({where})",
            f"{declared}, detector {rule.detector}", examples.hour(),
        )  # fmt: skip
    if rule.detector in FOREST:
        yield Applying(
            "value, change, smooth, sin, cos", "forest",
            "the value, its change, its smoothed value, and the time of day as an angle",
            f"{declared}, detector {rule.detector}", examples.forest(),
        )  # fmt: skip
