"""Strimzi's Kafka, node pools and users.

Source: strimzi-kafka-operator, `kafka.strimzi.io/v1`, packaging/examples of 1.3.
"""

from typing import Literal

from pydantic import Field

from local.objects import Metadata, Strict

API = Literal["kafka.strimzi.io/v1"]


class Authentication(Strict):
    """How a client says who it is."""

    type: Literal["tls", "scram-sha-512"]


class LabelsOfPeers(Strict):
    """Labels that peers have."""

    match_labels: dict[str, str]


class Peer(Strict):
    """Who may connect to a listener."""

    namespace_selector: LabelsOfPeers | None = None
    pod_selector: LabelsOfPeers | None = None


class Listener(Strict):
    """A port of the brokers."""

    name: str = Field(pattern=r"^[a-z0-9]{1,11}$")
    port: int = Field(ge=9092, le=65_535)
    type: Literal["internal"]
    tls: bool
    authentication: Authentication | None = None
    network_policy_peers: tuple[Peer, ...] | None = None


class Authorization(Strict):
    """Whether users' ACLs hold."""

    type: Literal["simple"]
    super_users: tuple[str, ...] = ()


class KafkaSection(Strict):
    """The brokers."""

    version: str = Field(pattern=r"^4\.\d+\.\d+$")
    metadata_version: str
    listeners: tuple[Listener, ...] = Field(min_length=1)
    authorization: Authorization | None = None
    config: dict[str, str | int | bool] = Field(default_factory=dict)


class TopicOperator(Strict):
    """Makes topics of KafkaTopic objects."""


class UserOperator(Strict):
    """Makes users of KafkaUser objects."""


class EntityOperator(Strict):
    """Which operators run."""

    topic_operator: TopicOperator | None = None
    user_operator: UserOperator | None = None


class KafkaSpec(Strict):
    """A cluster."""

    kafka: KafkaSection
    entity_operator: EntityOperator


class Kafka(Strict):
    """A Kafka cluster, made by Strimzi."""

    kind: Literal["Kafka"]
    api_version: API
    metadata: Metadata
    spec: KafkaSpec


class Volume(Strict):
    """A disk."""

    id: int = Field(ge=0)
    type: Literal["persistent-claim", "ephemeral"]
    size: str | None = None
    delete_claim: bool | None = None
    kraft_metadata: Literal["shared"] | None = None


class Storage(Strict):
    """Where the brokers keep their records."""

    type: Literal["jbod"]
    volumes: tuple[Volume, ...] = Field(min_length=1)


class ResourceList(Strict):
    """CPU and memory."""

    cpu: str | int
    memory: str


class PoolResources(Strict):
    """What a broker is promised and what it may use."""

    requests: ResourceList
    limits: ResourceList


class PoolSpec(Strict):
    """Brokers that are alike."""

    replicas: int = Field(ge=1)
    roles: tuple[Literal["controller", "broker"], ...] = Field(min_length=1)
    storage: Storage
    resources: PoolResources


class KafkaNodePool(Strict):
    """Brokers of a cluster, which the label `strimzi.io/cluster` names."""

    kind: Literal["KafkaNodePool"]
    api_version: API
    metadata: Metadata
    spec: PoolSpec


class AclResource(Strict):
    """What a rule is about."""

    type: Literal["topic", "group"]
    name: str
    pattern_type: Literal["literal", "prefix"] = "literal"


class Acl(Strict):
    """What a user may do."""

    resource: AclResource
    operations: tuple[Literal["Read", "Write", "Describe", "Create"], ...] = Field(min_length=1)
    host: str = "*"


class UserAuthorization(Strict):
    """A user's rules."""

    type: Literal["simple"]
    acls: tuple[Acl, ...] = Field(min_length=1)


class UserSpec(Strict):
    """Who it is and what it may do."""

    authentication: Authentication
    authorization: UserAuthorization


class KafkaUser(Strict):
    """A client of Kafka, made by Strimzi's user operator."""

    kind: Literal["KafkaUser"]
    api_version: API
    metadata: Metadata
    spec: UserSpec
