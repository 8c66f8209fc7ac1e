"""What Prometheus' operator is told.

Source: prometheus-operator, `monitoring.coreos.com/v1`.
"""

from typing import Literal

from pydantic import Field

from local.objects import Metadata, Strict

API = Literal["monitoring.coreos.com/v1"]


class Selector(Strict):
    """Objects by their labels."""

    match_labels: dict[str, str] = Field(default_factory=dict)


class Endpoint(Strict):
    """What is asked, and how often."""

    port: str
    path: str = "/metrics"
    interval: str | None = None
    scrape_timeout: str | None = None
    honor_labels: bool | None = None


class ServiceMonitorSpec(Strict):
    """Which Services are asked."""

    selector: Selector
    endpoints: tuple[Endpoint, ...] = Field(min_length=1)


class ServiceMonitor(Strict):
    """Services that are asked for metrics."""

    kind: Literal["ServiceMonitor"]
    api_version: API
    metadata: Metadata
    spec: ServiceMonitorSpec


class PodMonitorSpec(Strict):
    """Which pods are asked."""

    selector: Selector
    pod_metrics_endpoints: tuple[Endpoint, ...] = Field(min_length=1)


class PodMonitor(Strict):
    """Pods that are asked for metrics."""

    kind: Literal["PodMonitor"]
    api_version: API
    metadata: Metadata
    spec: PodMonitorSpec


class Rule(Strict):
    """A rule that records or warns."""

    alert: str | None = None
    record: str | None = None
    expr: str | int | float
    keep_firing_for: str | None = Field(default=None, alias="keep_firing_for")
    duration: str | None = Field(default=None, alias="for")
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class RuleGroup(Strict):
    """Rules that are looked at together."""

    name: str
    interval: str | None = None
    rules: tuple[Rule, ...] = Field(min_length=1)


class PrometheusRuleSpec(Strict):
    """Groups of rules."""

    groups: tuple[RuleGroup, ...] = Field(min_length=1)


class PrometheusRule(Strict):
    """Rules of Prometheus."""

    kind: Literal["PrometheusRule"]
    api_version: API
    metadata: Metadata
    spec: PrometheusRuleSpec
