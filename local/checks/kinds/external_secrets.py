"""Secrets that come from a store outside the cluster.

Source: external-secrets.io, `ExternalSecret` of `external-secrets.io/v1`.
"""

from typing import Literal

from pydantic import Field

from local.objects import Metadata, Name, Strict


class StoreRef(Strict):
    """The store."""

    name: Name
    kind: Literal["SecretStore", "ClusterSecretStore"]


class Template(Strict):
    """How the Secret's values are made of those of the store."""

    engine_version: Literal["v2"] = "v2"
    data: dict[str, str] = Field(min_length=1)


class Target(Strict):
    """The Secret that is made."""

    name: Name
    creation_policy: Literal["Owner"] = "Owner"
    template: Template | None = None


class RemoteRef(Strict):
    """A value in the store."""

    key: str
    property: str | None = None


class Datum(Strict):
    """A key of the Secret, and where its value is."""

    secret_key: str
    remote_ref: RemoteRef


class Extract(Strict):
    """All values of one entry of the store."""

    extract: RemoteRef


class ExternalSecretSpec(Strict):
    """Which values, how often."""

    refresh_interval: str = Field(pattern=r"^[0-9]+[smh]")
    secret_store_ref: StoreRef
    target: Target
    data: tuple[Datum, ...] = ()
    data_from: tuple[Extract, ...] = ()


class ExternalSecret(Strict):
    """A Secret made from a store."""

    kind: Literal["ExternalSecret"]
    api_version: Literal["external-secrets.io/v1"]
    metadata: Metadata
    spec: ExternalSecretSpec
