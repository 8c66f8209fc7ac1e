"""The Kubernetes objects this project has, with exactly the fields it uses."""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]

_DURATION = re.compile(r"^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$")


def duration_seconds(text: object) -> float:
    """Return the seconds of an ISO 8601 duration such as `PT0.5S`.

    Raises:
        ValueError: it is none, or is one with months or years.
    """
    match = _DURATION.match(text) if isinstance(text, str) else None
    if match is None or not any(match.groups()):
        raise ValueError(f"expected an ISO 8601 duration such as PT0.5S, got {text!r}")
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return days * 86_400 + hours * 3_600 + minutes * 60 + seconds


Duration = Annotated[float, BeforeValidator(duration_seconds)]


class Strict(BaseModel):
    """Fields in camelCase as Kubernetes spells them; one that is not listed is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)


class Metadata(Strict):
    """Name, namespace and what is attached to them."""

    name: Name
    namespace: Name = "aiops"
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class ClusterMetadata(Strict):
    """The name of an object that belongs to no namespace, and its labels."""

    name: Name
    labels: dict[str, str] = {}


class Reference(Strict):
    """Another object, by kind and name."""

    api_version: str
    kind: str
    name: Name
    namespace: Name | None = None


class Destination(Strict):
    """Where events go: an object, or an address."""

    ref: Reference | None = None
    uri: str | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "Destination":
        if (self.ref is None) == (self.uri is None):
            raise ValueError("exactly one of ref and uri")
        return self


class DeliverySpec(Strict):
    """Retries, back-off, time-out and dead letters; only what is stated applies.

    Source: data plane of knative-extensions/eventing-kafka-broker, the defaults of an egress
    configuration that is present but leaves a field out.
    """

    retry: int = Field(default=0, ge=0)
    backoff_policy: Literal["exponential", "linear"] = "exponential"
    backoff_delay: Duration = 0.2
    timeout: Duration = 600.0
    dead_letter_sink: Destination | None = None


ABSENT_DELIVERY = DeliverySpec.model_validate(
    {"retry": 10, "backoffDelay": "PT0.3S", "timeout": "PT600S"}
)
"""What applies where `spec.delivery` is absent altogether."""


class Namespace(Strict):
    """A namespace."""

    kind: Literal["Namespace"]
    api_version: Literal["v1"]
    metadata: ClusterMetadata


class LocalObjectReference(Strict):
    """An object in the same namespace, by its name."""

    name: Name


class ServiceAccount(Strict):
    """What a function runs as."""

    kind: Literal["ServiceAccount"]
    api_version: Literal["v1"]
    metadata: Metadata
    automount_service_account_token: bool
    image_pull_secrets: tuple[LocalObjectReference, ...] = ()


class ConfigMap(Strict):
    """Settings by key."""

    kind: Literal["ConfigMap"]
    api_version: Literal["v1"]
    metadata: Metadata
    data: dict[str, str] = {}


class KafkaTopicSpec(Strict):
    """A topic's shape."""

    partitions: int = Field(ge=1)
    replicas: int = Field(ge=1)
    config: dict[str, str] = {}


class KafkaTopic(Strict):
    """A topic, made by Strimzi's topic operator."""

    kind: Literal["KafkaTopic"]
    api_version: Literal["kafka.strimzi.io/v1"]
    metadata: Metadata
    spec: KafkaTopicSpec


class KeyOfSecret(Strict):
    """One key of a Secret."""

    name: Name
    key: str


class FromSecret(Strict):
    """A value that stands in a Secret."""

    secret_key_ref: KeyOfSecret


class Sasl(Strict):
    """Who a source is to Kafka."""

    enable: Literal[True]
    type: FromSecret
    user: FromSecret
    password: FromSecret


class Tls(Strict):
    """That a source talks to Kafka over TLS; without an authority, those the system trusts."""

    enable: Literal[True]
    ca_cert: FromSecret | None = None


class Net(Strict):
    """How a source talks to Kafka."""

    sasl: Sasl
    tls: Tls | None = None

    def secrets(self) -> tuple[tuple[str, KeyOfSecret], ...]:
        """Return the keys of Secrets that are named, with their fields."""
        found = {
            "sasl.type": self.sasl.type,
            "sasl.user": self.sasl.user,
            "sasl.password": self.sasl.password,
            "tls.caCert": self.tls.ca_cert if self.tls else None,
        }
        return tuple((field, one.secret_key_ref) for field, one in found.items() if one)


class CeOverrides(Strict):
    """What every event of a source is given, whatever it had there."""

    extensions: dict[Annotated[str, Field(pattern=r"^[a-z0-9]{1,20}$")], str]


class KafkaSourceSpec(Strict):
    """From topics to a sink, as one consumer group."""

    bootstrap_servers: tuple[str, ...] = Field(min_length=1)
    topics: tuple[str, ...] = Field(min_length=1)
    consumer_group: str
    ordering: Literal["ordered", "unordered"] = "ordered"
    initial_offset: Literal["earliest", "latest"] = "latest"
    delivery: DeliverySpec = ABSENT_DELIVERY
    net: Net | None = None
    ce_overrides: CeOverrides = CeOverrides(extensions={})
    sink: Destination


class KafkaSource(Strict):
    """Delivers the records of topics as CloudEvents."""

    kind: Literal["KafkaSource"]
    api_version: Literal["sources.knative.dev/v1"]
    metadata: Metadata
    spec: KafkaSourceSpec


class SecretName(Strict):
    """The name of a Secret."""

    name: Name


class SecretReference(Strict):
    """A Secret as a whole."""

    ref: SecretName


class SinkAuth(Strict):
    """How a sink talks to Kafka, as keys of a Secret say."""

    secret: SecretReference


class KafkaSinkSpec(Strict):
    """A topic that takes CloudEvents over HTTP."""

    topic: str
    bootstrap_servers: tuple[str, ...] = Field(min_length=1)
    content_mode: Literal["binary"] = "binary"
    auth: SinkAuth | None = None


class KafkaSink(Strict):
    """Produces the CloudEvents it is sent."""

    kind: Literal["KafkaSink"]
    api_version: Literal["eventing.knative.dev/v1alpha1"]
    metadata: Metadata
    spec: KafkaSinkSpec


EXTERNAL_TOPIC = "kafka.eventing.knative.dev/external.topic"
BROKER_CLASS = "eventing.knative.dev/broker.class"
DELIVERY_ORDER = "kafka.eventing.knative.dev/delivery.order"


class BrokerSpec(Strict):
    """Where a Broker's own settings are."""

    config: Reference


class Broker(Strict):
    """A Kafka Broker on a topic that exists."""

    kind: Literal["Broker"]
    api_version: Literal["eventing.knative.dev/v1"]
    metadata: Metadata
    spec: BrokerSpec

    @model_validator(mode="after")
    def _on_a_topic(self) -> "Broker":
        annotations = self.metadata.annotations
        if annotations.get(BROKER_CLASS) != "Kafka" or EXTERNAL_TOPIC not in annotations:
            raise ValueError(f"annotations {BROKER_CLASS}: Kafka and {EXTERNAL_TOPIC} are needed")
        return self

    @property
    def topic(self) -> str:
        """The topic it is on."""
        return self.metadata.annotations[EXTERNAL_TOPIC]


class TriggerFilter(Strict):
    """Attributes that must be there with exactly these values; the empty value: any value."""

    attributes: dict[str, str] = Field(min_length=1)


class TriggerSpec(Strict):
    """From a Broker to a subscriber."""

    broker: Name
    filter: TriggerFilter
    delivery: DeliverySpec = ABSENT_DELIVERY
    subscriber: Destination


class Trigger(Strict):
    """Delivers the events of a Broker that pass a filter."""

    kind: Literal["Trigger"]
    api_version: Literal["eventing.knative.dev/v1"]
    metadata: Metadata
    spec: TriggerSpec

    @property
    def ordered(self) -> bool:
        """Whether each partition's events go one after the other."""
        return self.metadata.annotations.get(DELIVERY_ORDER, "unordered") == "ordered"

    @property
    def consumer_group(self) -> str:
        """The consumer group Knative derives for it."""
        return f"knative-trigger-{self.metadata.namespace}-{self.metadata.name}"


class PingSourceSpec(Strict):
    """When, what and where to."""

    schedule: str
    content_type: str | None = None
    data: str | None = None
    sink: Destination


class PingSource(Strict):
    """Sends an event on a schedule."""

    kind: Literal["PingSource"]
    api_version: Literal["sources.knative.dev/v1"]
    metadata: Metadata
    spec: PingSourceSpec


class WatchedResource(Strict):
    """A kind of objects."""

    api_version: str
    kind: str


class LabelSelector(Strict):
    """Objects by their labels; all of them where it asks for none."""

    match_labels: dict[str, str] = {}


class ApiServerSourceSpec(Strict):
    """What is watched, by whom, and where it goes.

    Without `namespaceSelector` only its own namespace is watched.
    """

    service_account_name: Name
    mode: Literal["Reference", "Resource"] = "Reference"
    resources: tuple[WatchedResource, ...] = Field(min_length=1)
    namespace_selector: LabelSelector | None = None
    sink: Destination


class ApiServerSource(Strict):
    """Sends an event for every change of some objects of the cluster."""

    kind: Literal["ApiServerSource"]
    api_version: Literal["sources.knative.dev/v1"]
    metadata: Metadata
    spec: ApiServerSourceSpec


class PolicyRule(Strict):
    """What may be done with which objects."""

    api_groups: tuple[str, ...] = Field(min_length=1)
    resources: tuple[str, ...] = Field(min_length=1)
    verbs: tuple[str, ...] = Field(min_length=1)


class ClusterRole(Strict):
    """What may be done in every namespace."""

    kind: Literal["ClusterRole"]
    api_version: Literal["rbac.authorization.k8s.io/v1"]
    metadata: ClusterMetadata
    rules: tuple[PolicyRule, ...] = Field(min_length=1)


class RoleRef(Strict):
    """A role, by name."""

    api_group: Literal["rbac.authorization.k8s.io"]
    kind: Literal["ClusterRole"]
    name: Name


class Subject(Strict):
    """Whoever may do it."""

    kind: Literal["ServiceAccount"]
    name: Name
    namespace: Name


class ClusterRoleBinding(Strict):
    """Who may do what a role says."""

    kind: Literal["ClusterRoleBinding"]
    api_version: Literal["rbac.authorization.k8s.io/v1"]
    metadata: ClusterMetadata
    role_ref: RoleRef
    subjects: tuple[Subject, ...] = Field(min_length=1)


Object = Annotated[
    Namespace
    | ServiceAccount
    | ConfigMap
    | KafkaTopic
    | KafkaSource
    | KafkaSink
    | Broker
    | Trigger
    | PingSource
    | ApiServerSource
    | ClusterRole
    | ClusterRoleBinding,
    Field(discriminator="kind"),
]

KINDS = (
    "Namespace",
    "ServiceAccount",
    "ConfigMap",
    "KafkaTopic",
    "KafkaSource",
    "KafkaSink",
    "Broker",
    "Trigger",
    "PingSource",
    "ApiServerSource",
    "ClusterRole",
    "ClusterRoleBinding",
)
"""The kinds of `Object`."""
