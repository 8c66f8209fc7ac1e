"""Settings from the environment: the only reader of it."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from aiops.clock import Clock, ScaledClock, SystemClock
from aiops.errors import Misconfigured

Section = TypeVar("Section", bound=BaseModel)

_REDIS = ("redis", "rediss", "redis+cluster", "rediss+cluster", "unix")
"""Schemes of `REDIS_URL`."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What every function is told by its environment.

    Attributes:
        redis_url: `REDIS_URL`.
        kafka_bootstrap_servers: `KAFKA_BOOTSTRAP_SERVERS`, host:port, comma between several.
        domain: `AIOPS_DOMAIN`, whose telemetry this is; incidents never cross domains.
        generation: `AIOPS_GENERATION`, prefix of all state.
        clock: Real time, or scaled by `AIOPS_CLOCK`.
        config: Sections of the file `AIOPS_CONFIG` names, or of `aiops.yaml` in that folder.
        redis_wait: `REDIS_WAIT`, how many replicas must have the state before an event is done.
    """

    redis_url: str
    kafka_bootstrap_servers: str
    domain: str
    generation: str
    clock: Clock
    config: Mapping[str, Any]
    redis_wait: int = 0

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings.

        Raises:
            Misconfigured: one is missing or wrong; the message names it.
        """
        env = os.environ if environ is None else environ
        redis_url = _required(env, "REDIS_URL")
        if urlsplit(redis_url).scheme not in _REDIS:
            raise Misconfigured(f"REDIS_URL: expected one of {', '.join(_REDIS)}")
        clock = env.get("AIOPS_CLOCK", "")
        return cls(
            redis_url=redis_url,
            kafka_bootstrap_servers=_servers(_required(env, "KAFKA_BOOTSTRAP_SERVERS")),
            domain=_domain(env.get("AIOPS_DOMAIN") or "default"),
            generation=_generation(env.get("AIOPS_GENERATION", "")),
            clock=ScaledClock.parse(clock) if clock else SystemClock(),
            config=read_config(env.get("AIOPS_CONFIG", "")),
            redis_wait=_replicas(env.get("REDIS_WAIT") or "0"),
        )

    def section(self, name: str, model: type[Section]) -> Section:
        """Return one section of the configuration file, defaults where it is absent.

        Raises:
            Misconfigured: the message names the file's field that is wrong.
        """
        return read_section(self.config, name, model)


def secret(name: str, environ: Mapping[str, str] | None = None) -> str | None:
    """Return an optional secret or address from the environment, None where empty."""
    env = os.environ if environ is None else environ
    return env.get(name) or None


def read_config(path: str) -> Mapping[str, Any]:
    """Return the sections of a YAML file, or of `aiops.yaml` in a folder; nothing for no path.

    Raises:
        Misconfigured: it cannot be read, or is no mapping of known sections.
    """
    if not path:
        return {}
    folder = Path(path).is_dir()
    file = Path(path) / "aiops.yaml" if folder else Path(path)
    if folder and not file.exists():
        return {}
    import yaml

    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Misconfigured(f"AIOPS_CONFIG: no file {file}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Misconfigured(f"{file}: {str(error).splitlines()[0]}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise Misconfigured(f"{file}: expected a mapping of sections")
    unknown = sorted(str(name) for name in set(content) - set(SECTIONS))
    if unknown:
        raise Misconfigured(f"{file}: unknown section {unknown[0]!r}; there is {SECTIONS}")
    return content


SECTIONS = ("series", "alerts", "detect", "correlate", "act", "collect", "train", "gateway")
"""Sections of the configuration file: one per function, and how series and alerts are read."""


def read_section(config: Mapping[str, Any], name: str, model: type[Section]) -> Section:
    """Validate one section; see `Settings.section`."""
    try:
        return model.model_validate(config.get(name) or {})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in (name, *first["loc"]))
        raise Misconfigured(f"{where}: {first['msg']}") from None


def _required(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "")
    if not value:
        raise Misconfigured(f"{name}: not set")
    return value


def _servers(text: str) -> str:
    for server in text.split(","):
        host, _, port = server.strip().rpartition(":")
        if not host or not port.isdigit():
            raise Misconfigured(f"KAFKA_BOOTSTRAP_SERVERS: expected host:port, got {server!r}")
    return text


def _domain(text: str) -> str:
    """Return the domain; it becomes part of keys, so braces would break their hash tags."""
    if not re.fullmatch(r"[\w.:-]{1,100}", text):
        raise Misconfigured("AIOPS_DOMAIN: letters, digits and _ . : - only, at most 100")
    return text


def _generation(text: str) -> str:
    if text and not text.isalnum():
        raise Misconfigured("AIOPS_GENERATION: letters and digits only")
    return f"{text}:" if text else ""


def _replicas(text: str) -> int:
    if not re.fullmatch(r"[0-9]", text):
        raise Misconfigured("REDIS_WAIT: a number of replicas, 0 to 9")
    return int(text)
