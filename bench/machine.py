"""The machine a figure was measured on, and which core a process may use."""

import os
import platform
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

IDLE_LOAD = 0.5
"""Load average of a minute above which others take part in what is measured."""


@contextmanager
def on_cores(cores: Collection[int]) -> Iterator[None]:
    """Keep this thread, and every process or thread it starts meanwhile, on some cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def two_cores() -> tuple[int, int]:
    """Return the two cores that are used.

    Raises:
        SystemExit: there is only one.
    """
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise SystemExit("bench: needs two cores")
    return usable[0], usable[1]


def facts() -> dict[str, str | int | float]:
    """Return what a reader of a figure must know of the machine, the load as it is now."""
    return {
        "machine_processor": _cpu_field("model name") or platform.processor(),
        "machine_cores": os.cpu_count() or 0,
        "machine_memory_gibibytes": round(_memory("MemTotal") / 2**30, 1),
        "machine_load_average_at_start": round(os.getloadavg()[0], 2),
        "python_version": platform.python_version(),
    }


def available_memory() -> int:
    """Return how many bytes can be used without swapping."""
    return _memory("MemAvailable")


def _memory(name: str) -> int:
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(name)


def _cpu_field(name: str) -> str | None:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        field, _, value = line.partition(":")
        if field.strip() == name:
            return value.strip()
    return None
