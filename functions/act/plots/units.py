"""Units of metrics, read from how their names end, and values written with them. Pure.

Source: https://prometheus.io/docs/practices/naming/#base-units
"""

import math

_ENDINGS = (
    ("_milliseconds", "ms"),
    ("_ms", "ms"),
    ("_seconds", "s"),
    ("_bytes", "B"),
    ("_ratio", "%"),
    ("_percent", "percent"),
    ("_per_second", "/s"),
    ("_cores", "cores"),
    ("_celsius", "°C"),
)
_DECIMAL = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_BINARY = ((2.0**40, "Ti"), (2.0**30, "Gi"), (2.0**20, "Mi"), (2.0**10, "Ki"))
_TIMES = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"))


def unit_of(metric: str) -> str:
    """Return the unit that a metric's name tells, empty where it tells none."""
    plain = metric.removesuffix("_total").removesuffix("_sum")
    for quantile in ("_p50", "_p90", "_p95", "_p99"):
        plain = plain.replace(quantile, "")
    return next((unit for ending, unit in _ENDINGS if plain.endswith(ending)), "")


def written(value: float, unit: str) -> str:
    """Return a value with its unit in few digits, such as `97 %`, `1.2 MiB`, `340 ms`."""
    if not math.isfinite(value):
        return "?"
    if unit == "%":
        return f"{_digits(100.0 * value)} %"
    if unit == "s":
        size, name = _step(value, _TIMES) or (1.0, "s")
    else:
        size, prefix = _step(value, _BINARY if unit == "B" else _DECIMAL) or (1.0, "")
        name = prefix + unit
    return f"{_digits(value / size)} {name}".rstrip()


def _step(value: float, steps: tuple[tuple[float, str], ...]) -> tuple[float, str] | None:
    return next(((size, name) for size, name in steps if abs(value) >= size), None)


def _digits(value: float) -> str:
    return f"{value:.0f}" if 100 <= abs(value) < 10_000 else f"{value:.3g}"
