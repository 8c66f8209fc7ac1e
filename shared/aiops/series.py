"""What a series is called, where it lives, which service it speaks of and in what role."""

import re
from binascii import crc_hqx
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b

from pydantic import BaseModel, ConfigDict, field_validator

from aiops.events import Role, SeriesHead

SHARDS = 16
"""Into how many slots series are spread; fixed when an installation is made."""

MAX_LABELS = 64
MAX_LABEL_LENGTH = 2_048

MOST_KNOWN = 1 << 15
"""Series remembered by what they were called; beyond that all are made anew."""

_SATURATION = (
    "cpu|memory|mem_|disk|filesystem|syscall|network|saturat|queue|throttl|heap|pool|fd_"
    "|file_descriptors|iops|connections"
)


@dataclass(frozen=True, slots=True)
class Series:
    """A series as every later stage knows it.

    Attributes:
        key: 32 hexadecimal digits of a hash of metric and labels.
        shard: The slot it lives in, 0 to SHARDS - 1.
        edge: `(client, server)` where it measures a call between two services.
    """

    key: str
    shard: int
    metric: str
    labels: tuple[tuple[str, str], ...]
    service: str
    role: Role
    edge: tuple[str, str] | None


def shard_of(key: str) -> int:
    """Return the slot of a series key."""
    return crc_hqx(key.encode(), 0) % SHARDS


class SeriesMap(BaseModel):
    """How series are read: the section `series` of the configuration.

    Attributes:
        service_from: Labels that may name the service, the first present counts.
        replica_labels: Labels that name a copy of the same series; they are dropped.
        roles: Patterns on the metric's name, the first that is found counts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    service_from: tuple[str, ...] = (
        "service",
        "service_name",
        "app_kubernetes_io_name",
        "app",
        "destination_workload",
        "job",
    )
    replica_labels: tuple[str, ...] = ("prometheus_replica", "replica")
    roles: tuple[tuple[str, Role], ...] = (
        (r"edge_client|service_graph_request_client", "edge_client"),
        (r"edge_server|service_graph_request_server", "edge_server"),
        (r"error|fail|success|5xx|availab|ready|restart|oom", "errors"),
        (r"latency|duration|response_time|_seconds_(bucket|sum)", "latency"),
        (_SATURATION, "saturation"),
        (r"requests?_|_requests|rps|throughput|qps|traffic", "traffic"),
    )

    @field_validator("roles")
    @classmethod
    def _roles_are_patterns(
        cls, roles: tuple[tuple[str, Role], ...]
    ) -> tuple[tuple[str, Role], ...]:
        for pattern, _ in roles:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is no pattern: {error}") from None
        return roles

    def read(self, head: SeriesHead) -> Series | str:
        """Return the series a head names, or the reason why it cannot be taken."""
        written = (head.metric, *head.labels.items())
        known = self._known.get(written)
        if known is not None:
            return known
        found = self._read(head)
        if isinstance(found, Series):
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[written] = found
        return found

    @cached_property
    def _known(self) -> dict[tuple[object, ...], Series]:
        return {}

    def _read(self, head: SeriesHead) -> Series | str:
        labels = head.labels
        if len(labels) > MAX_LABELS:
            return "too_many_labels"
        dropped = self.replica_labels
        items = tuple(sorted((k, v) for k, v in labels.items() if v and k not in dropped))
        if any(len(k) + len(v) > MAX_LABEL_LENGTH for k, v in items):
            return "label_too_long"
        if len(head.metric) > MAX_LABEL_LENGTH:
            return "metric_too_long"
        text = "\x1f".join((head.metric, *(f"{k}\x1e{v}" for k, v in items)))
        key = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        present = dict(items)
        edge = None
        if "client" in present and "server" in present:
            edge = (present["client"], present["server"])
        service = next((present[name] for name in self.service_from if name in present), None)
        if service is None:
            service = edge[1] if edge else "unknown"
        role = role_of(self.roles, head.metric)
        return Series(key, shard_of(key), head.metric, items, service, role, edge)


@lru_cache(maxsize=1 << 14)
def role_of(roles: tuple[tuple[str, Role], ...], metric: str) -> Role:
    """Return the role of a metric, `other` where no pattern is found in its name."""
    for pattern, role in roles:
        if re.search(pattern, metric):
            return role
    return "other"
