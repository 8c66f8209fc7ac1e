"""`aiops.yaml`: every section, and what it names."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from aiops import plugins
from aiops.errors import Misconfigured
from aiops.settings import SECTIONS as NAMES
from functions.act.config import ActConfig
from functions.act.wiring import check_settings
from functions.correlate.config import CorrelateConfig
from functions.correlate.topology_file import read_topology
from functions.detect.config import DetectConfig
from functions.detect.judge import Judge
from functions.gateway.config import GatewayConfig
from local.commands.config import SECTIONS
from local.validation.document import Document
from local.validation.modelled import against, at_field
from local.validation.problem import Problem

Looks = Iterator[tuple[str, Callable[[], object]]]
"""Fields that name something, each with what raises where there is no such thing."""


def is_configuration(content: Any) -> bool:
    """Return whether a document means to be a configuration."""
    return isinstance(content, dict) and bool(set(content) & set(NAMES))


def check(document: Document) -> Iterator[Problem]:
    """Yield what is wrong with a configuration."""
    content = document.content
    if not isinstance(content, dict):
        yield Problem(document.file, "", f"expected sections; there is {', '.join(NAMES)}")
        return
    for name in content:
        if name not in NAMES:
            there_are = f"there is {', '.join(NAMES)}"
            line = document.line((str(name),))
            yield Problem(document.file, str(name), "there is no such section", line, there_are)
    for name in NAMES:
        if name in content:
            yield from _section(document, name, content[name] or {})


def _section(document: Document, name: str, content: Any) -> Iterator[Problem]:
    found = against(document, content, SECTIONS[name], (name,))
    yield from found
    if found or name not in _NAMED:
        return
    section = SECTIONS[name].model_validate(content)
    for field, look in _NAMED[name](section):
        try:
            look()
        except Misconfigured as error:
            yield at_field(document, f"{field}: {error}", (name,))


def _act(section: ActConfig) -> Looks:
    for place, rule in enumerate(section.channels):
        yield f"channels.{place}", partial(check_settings, rule)


def _detect(section: DetectConfig) -> Looks:
    for place, rule in enumerate(section.rules):
        yield f"rules.{place}.detector", partial(Judge.of, rule)


def _correlate(section: CorrelateConfig) -> Looks:
    for place, name in enumerate(section.correlators):
        found = partial(plugins.load, "functions.correlate.correlators", name, "Correlator")
        yield f"correlators.{place}", found
    yield "ranker", partial(plugins.load, "functions.correlate.rankers", section.ranker, "Ranker")
    if section.topology_file:
        yield "topology_file", partial(read_topology, section.topology_file)


def _gateway(section: GatewayConfig) -> Looks:
    for place, name in enumerate(section.senders):
        yield f"senders.{place}", partial(plugins.load, "functions.gateway.senders", name, "Sender")


_NAMED: Mapping[str, Callable[[Any], Looks]] = {
    "act": _act,
    "detect": _detect,
    "correlate": _correlate,
    "gateway": _gateway,
}
