"""What can be set for a Service, with Knative's defaults."""

from dataclasses import dataclass

TICK = 2
"""Seconds between two decisions. Source: knative/serving pkg/autoscaler/scaling/multiscaler.go."""

_LEAST_TARGET = 0.01


@dataclass(frozen=True, slots=True)
class Settings:
    """The autoscaler's settings; each default is Knative's.

    Source: knative/serving config/core/configmaps/autoscaler.yaml.

    Attributes:
        target: Requests at a time an instance should have, before `utilization`.
        utilization: Percent of `target` that is aimed for.
        concurrency: Requests at a time an instance takes, `containerConcurrency`; 0: all.
        window: Seconds over which requests at a time are averaged.
        panic_window: Percent of `window` that a panic looks at.
        panic_threshold: Percent of the instances there are, wanted by the panic window.
        retention: Seconds the last instance is kept when it has become idle.
        down_delay: Seconds over which the most that was wanted counts.
        grace: Seconds for the network to lead to the activator before the last instance goes.
        least: Instances at least.
        most: Instances at most; 0: no limit.
        up_rate: How many times as many instances one decision may want.
        down_rate: By how much one decision may divide them.
        burst_capacity: Requests at a time to be had in reserve, else the activator stays between.
    """

    target: float = 100.0
    utilization: float = 70.0
    concurrency: int = 0
    window: int = 60
    panic_window: float = 10.0
    panic_threshold: float = 200.0
    retention: float = 0.0
    down_delay: float = 0.0
    grace: float = 30.0
    least: int = 0
    most: int = 0
    up_rate: float = 1000.0
    down_rate: float = 2.0
    burst_capacity: float = 211.0

    @property
    def total(self) -> float:
        """Requests at a time an instance may be counted on for."""
        return min(self.target, self.concurrency) if self.concurrency else self.target

    @property
    def aim(self) -> float:
        """Requests at a time an instance should have.

        Source: knative/serving pkg/reconciler/autoscaling/resources/target.go.
        """
        return max(_LEAST_TARGET, self.total * self.utilization / 100)

    @property
    def panic_seconds(self) -> int:
        """Seconds a panic looks at, whole and at least one.

        Source: knative/serving pkg/reconciler/autoscaling/kpa/resources/metric.go.
        """
        return max(1, int(self.window * self.panic_window / 100 + 0.5))

    def bounded(self, count: int) -> int:
        """Return a number of instances within `least` and `most`."""
        return min(max(count, self.least), self.most or count)
