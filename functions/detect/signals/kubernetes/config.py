"""Which Events of Kubernetes are anomalies, and which are changes: as data."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from aiops.events import Role, Severity
from aiops.selector import checked_pattern

Pattern = Annotated[str, AfterValidator(checked_pattern)]
ChangeKind = Literal["deploy", "rollback", "config", "scale", "remove"]


class EventSelector(BaseModel):
    """Events by what they say.

    Attributes:
        reason: Pattern of the whole reason.
        kind: Pattern of the whole kind of the object.
        object: Pattern of the whole name of the object.
        message: Pattern found anywhere in the message.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    reason: Pattern = ".*"
    kind: Pattern = ".*"
    object: Pattern = ".*"
    message: Pattern = ""


class EventAnomaly(EventSelector):
    """Events that are anomalies.

    Attributes:
        name: What the metric of the anomaly is called, behind `kubernetes_`.
        reason: Pattern of the whole reason.
        kind: Pattern of the whole kind of the object.
        object: Pattern of the whole name of the object.
        message: Pattern found anywhere in the message.
        says: What happened to the object, in words that follow its name.
        severity: 1 to 5.
        role: What it speaks of: `saturation` where something ran out, else `errors`.
        from_count: From which time on it counts; before that it is what happens now and then.
    """

    name: str = Field(pattern="^[a-z][a-z0-9_]{0,63}$")
    says: str = Field(min_length=1, max_length=200)
    severity: Severity = 3
    role: Role = "errors"
    from_count: int = Field(default=1, ge=1)


class EventChange(EventSelector):
    """Events that tell of a change of their object's workload.

    Attributes:
        reason: Pattern of the whole reason.
        kind: Pattern of the whole kind of the object.
        object: Pattern of the whole name of the object.
        message: Pattern found anywhere in the message.
        change: What it is: `deploy`, `rollback`, `config`, `scale` or `remove`.
    """

    change: ChangeKind


_OUT_OF_MEMORY = "ran out of memory, and a process was killed"

ANOMALIES = (
    EventAnomaly(
        name="oom_kill", reason="OOMKilling|OOMKilled|SystemOOM",
        says=_OUT_OF_MEMORY, severity=5, role="saturation",
    ),
    EventAnomaly(
        name="oom_kill", message=r"\bOOM[- ]?[Kk]ill|\boom-kill|\b[Oo]ut of memory\b",
        says=_OUT_OF_MEMORY, severity=5, role="saturation",
    ),
    EventAnomaly(
        name="image_pull", reason="Failed|BackOff|InspectFailed|ErrImageNeverPull",
        message=r"pull(?:ing)? image|inspect image|ErrImage|ImagePull|InvalidImageName|"
        r"is not present with pull policy",
        says="cannot get its image", severity=4,
    ),
    EventAnomaly(
        name="restart", reason="BackOff|CrashLoopBackOff",
        says="fails and is restarted again and again", severity=4,
    ),
    EventAnomaly(
        name="restart", reason="Killing", message="will be restarted",
        says="fails its probe and is restarted", severity=4,
    ),
    EventAnomaly(
        name="probe_failure", reason="Unhealthy|ProbeError",
        says="fails its probe", severity=3, from_count=3,
    ),
    EventAnomaly(
        name="unschedulable", reason="FailedScheduling",
        says="finds no node to run on", severity=3, role="saturation",
    ),
    EventAnomaly(
        name="eviction", reason="Evicted|Preempted",
        says="was evicted from its node", severity=4, role="saturation",
    ),
    EventAnomaly(
        name="eviction", reason="TaintManagerEviction", message="^Marking for deletion",
        says="is moved off its node", severity=4,
    ),
    EventAnomaly(
        name="node_not_ready", reason="NodeNotReady", kind="Node",
        says="is not ready", severity=5,
    ),
    EventAnomaly(
        name="node_not_ready", reason="NodeNotReady",
        says="runs on a node that is not ready", severity=3,
    ),
    EventAnomaly(
        name="node_pressure",
        reason="NodeHas(?:DiskPressure|InsufficientMemory|InsufficientPID)|EvictionThresholdMet",
        kind="Node", says="runs out of something", severity=4, role="saturation",
    ),
    EventAnomaly(
        name="node_reboot", reason="Rebooted", kind="Node", says="was rebooted", severity=4,
    ),
    EventAnomaly(
        name="volume", reason="FailedMount|FailedAttachVolume|FailedMapVolume|ProvisioningFailed",
        says="cannot get its volume", severity=3, from_count=2,
    ),
    EventAnomaly(
        name="start_failure", reason="Failed|FailedCreatePodSandBox|FailedPostStartHook",
        says="cannot be started", severity=3,
    ),
    EventAnomaly(
        name="create_failure", reason="FailedCreate|ReplicaSetCreateError|FailedDaemonPod",
        says="cannot have the pods it should", severity=3,
    ),
    EventAnomaly(
        name="job_failure", reason="BackoffLimitExceeded|DeadlineExceeded|PodFailurePolicy",
        kind="Job", says="failed", severity=3,
    ),
)  # fmt: skip
"""Reasons are those of kubelet, scheduler and controllers.

Source: kubernetes/kubernetes, pkg/kubelet/events/event.go, pkg/scheduler and pkg/controller;
kubernetes/node-problem-detector, config/kernel-monitor.json (`OOMKilling`).
"""

_NOT_OF_KNATIVE = r"(?!.*-\d{5}-deployment$).*"
"""Knative Serving scales Deployments from and to zero all day; its own Events tell of revisions."""

CHANGES = (
    EventChange(
        reason="ScalingReplicaSet",
        kind="Deployment",
        object=_NOT_OF_KNATIVE,
        change="deploy",
        message=r"^Scaled up replica set \S+ (?:from 0 to \d+|to \d+(?: from 0)?)$",
    ),
    EventChange(
        reason="ScalingReplicaSet", kind="Deployment", object=_NOT_OF_KNATIVE, change="scale"
    ),
    EventChange(reason="DeploymentRollback", kind="Deployment", change="rollback"),
    EventChange(reason="SuccessfulDelete", kind="StatefulSet|DaemonSet", change="deploy"),
    EventChange(reason="LatestReadyUpdate", kind="Configuration", change="deploy"),
    EventChange(reason="RolloutUpdated", kind="Rollout", change="deploy"),
    EventChange(reason="SuccessfulRescale", kind="HorizontalPodAutoscaler", change="scale"),
    EventChange(reason="Reloaded", change="config"),
    EventChange(reason="NodeNotSchedulable|NodeSchedulable", kind="Node", change="config"),
)
"""A Deployment that scales up a replica set from nothing rolls out; the words changed over time.

Source: kubernetes/kubernetes, pkg/controller/deployment/sync.go (`ScalingReplicaSet`),
pkg/controller/statefulset, pkg/controller/daemon and pkg/controller/podautoscaler;
knative/serving, pkg/reconciler/configuration; argoproj/argo-rollouts, utils/conditions;
stakater/Reloader.
"""


class KubernetesEvents(BaseModel):
    """How Events of Kubernetes are read.

    Attributes:
        max_age: Seconds an Event may be old when it is sent; whoever begins to watch is told of
            everything that is still known, and that was told before.
        anomalies: The first that matches counts; `kubernetes_` and its name is the metric.
        changes: Likewise, for those that are no anomalies.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    max_age: float = Field(default=600.0, gt=0)
    anomalies: tuple[EventAnomaly, ...] = ANOMALIES
    changes: tuple[EventChange, ...] = CHANGES
