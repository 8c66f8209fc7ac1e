"""The one loader of plugins: a module's name is the plugin's name, imported on first use."""

import pkgutil
from functools import cache
from importlib import import_module

from aiops.errors import Misconfigured


@cache
def available(package: str) -> tuple[str, ...]:
    """Return the names of the plugins in a package, sorted."""
    path = import_module(package).__path__
    return tuple(sorted(module.name for module in pkgutil.iter_modules(path)))


def load(package: str, name: str, kind: str) -> type:
    """Return the class `kind` of the plugin `name`.

    Raises:
        Misconfigured: there is no such plugin; the message lists what there is.
    """
    if name not in available(package):
        known = ", ".join(available(package))
        raise Misconfigured(f"{package}: no {kind.lower()} named {name!r}; there is {known}")
    plugin: type = getattr(import_module(f"{package}.{name}"), kind)
    return plugin
