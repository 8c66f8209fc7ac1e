"""Values as people read them: the unit stands in the metric's name. Pure."""

import re
from collections.abc import Sequence

BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
SUFFIXES = (
    ("_bytes", "bytes"),
    ("_seconds", "seconds"),
    ("_milliseconds", "milliseconds"),
    ("_ratio", "ratio"),
    ("_percent", "percent"),
    ("_celsius", "celsius"),
)
"""Source: Prometheus, "Metric and label naming", base units."""

_SPANS = ((1e-6, "ns", 1e9), (1e-3, "µs", 1e6), (1.0, "ms", 1e3), (120.0, "s", 1.0))
_LONG = ((7_200.0, "min", 60.0), (172_800.0, "h", 3_600.0), (float("inf"), "d", 86_400.0))
_INTRODUCTIONS = r"(?:usual|the|of|time,|to)"


def unit_of(metric: str, *, counter: bool) -> str:
    """Return the unit of a metric's values, a rate's with `/s` behind it, empty where not known.

    Args:
        metric: Its name.
        counter: Whether its values are turned into rates per second.
    """
    name = metric.removesuffix("_total")
    per_second = "/s" if counter or name.endswith("_per_second") else ""
    name = name.removesuffix("_per_second")
    found = next((unit for suffix, unit in SUFFIXES if name.endswith(suffix)), "")
    return f"{found}{per_second}"


def shown(value: float, unit: str) -> str:
    """Return a value with its unit, such as `1.2 GiB`, `35 ms` or `12 %`."""
    base, _, per = unit.partition("/")
    told = _told(value, base)
    return f"{told}/{per}" if per else told


def with_units(text: str, unit: str, value: float, others: Sequence[float]) -> str:
    """Return a sentence with its quantities told in their unit.

    Args:
        text: A reason; values are written with six digits.
        unit: Of `unit_of`.
        value: What it speaks of; its first mention.
        others: What is expected and usual, where they are introduced as such.
    """
    if not unit:
        return text
    told = text.replace(f"{value:.6g}", shown(value, unit), 1)
    for other in others:
        number = re.escape(f"{other:.6g}")
        pattern = rf"\b({_INTRODUCTIONS} ){number}(?![\w.]*\w)"
        told = re.sub(pattern, rf"\g<1>{shown(other, unit)}", told, count=1)
    return told


def _told(value: float, base: str) -> str:
    if base == "bytes":
        return _bytes(value)
    if base == "seconds":
        return _seconds(value)
    if base == "milliseconds":
        return _seconds(value / 1e3)
    if base == "ratio":
        return f"{100.0 * value:.4g} %"
    if base == "percent":
        return f"{value:.4g} %"
    return f"{value:.4g} °C" if base == "celsius" else f"{value:.6g}"


def _bytes(value: float) -> str:
    size, step = abs(value), 0
    while size >= 1024.0 and step < len(BINARY) - 1:
        size, step = size / 1024.0, step + 1
    return f"{'-' if value < 0 else ''}{size:.3g} {BINARY[step]}"


def _seconds(value: float) -> str:
    size = abs(value)
    if size == 0.0:
        return "0 s"
    for most, unit, factor in _SPANS:
        if size < most:
            return f"{value * factor:.3g} {unit}"
    unit, length = next((unit, length) for most, unit, length in _LONG if size < most)
    return f"{value / length:.3g} {unit}"
