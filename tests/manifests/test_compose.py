"""knative/local/compose.yaml says of images, settings and addresses what the rest says."""

import re
from pathlib import Path
from typing import Literal

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field

from local.func_file import FuncFile, load_functions
from local.settings import CHANNEL_SECRETS, GATEWAY_SECRETS

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "knative" / "local" / "compose.yaml"
DOCUMENT = (ROOT / "docs" / "install-compose.md").read_text()
FUNCTIONS: dict[str, FuncFile] = {
    folder.name: func for folder, func in load_functions(ROOT / "functions").items()
}
SERVERS = {"kafka", "redis"}


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Build(Strict):
    context: Literal["../.."]
    dockerfile: Literal["knative/Dockerfile"]
    args: dict[Literal["FUNCTION"], str]


class Healthcheck(Strict):
    test: tuple[str, ...]
    interval: str = Field(pattern=r"^\d+s$")
    timeout: str = Field(pattern=r"^\d+s$")
    retries: int


class Condition(Strict):
    condition: Literal["service_healthy"]


class Service(Strict):
    """The fields of the Compose specification that are used, and no others."""

    image: str
    build: Build | None = None
    restart: Literal["unless-stopped"]
    read_only: bool = False
    cap_drop: tuple[Literal["ALL"], ...] = ()
    security_opt: tuple[str, ...] = ()
    user: str = ""
    ports: tuple[str, ...]
    volumes: tuple[str, ...]
    command: tuple[str, ...] = ()
    environment: dict[str, str | None] = Field(default_factory=dict)
    healthcheck: Healthcheck
    depends_on: dict[Literal["kafka", "redis"], Condition] = Field(default_factory=dict)
    extra_hosts: tuple[str, ...] = ()
    mem_limit: str = ""


class Compose(Strict):
    name: str
    services: dict[str, Service]
    volumes: dict[Literal["kafka", "redis"], None]


def read() -> Compose:
    content = yaml.safe_load(FILE.read_text())
    return Compose(**{key: part for key, part in content.items() if not key.startswith("x-")})


COMPOSE = read()
OURS = {name: one for name, one in COMPOSE.services.items() if name not in SERVERS}


def component(name: str, kind: str) -> dict:
    files = sorted((ROOT / "knative" / "components" / name).glob("*.yaml"))
    documents = [one for file in files for one in yaml.safe_load_all(file.read_text())]
    (found,) = [one for one in documents if one["kind"] == kind]
    return found


def test_every_function_has_a_container_of_its_own_image() -> None:
    assert set(OURS) == {*FUNCTIONS, "exporter"}
    for name, one in OURS.items():
        assert (ROOT / "functions" / name / "requirements.txt").exists()
        assert one.build is not None
        assert one.build.args == {"FUNCTION": name}
        assert one.image == f"aiops-{name}:local"
        assert one.read_only
        assert one.cap_drop == ("ALL",)


def test_the_servers_are_those_of_the_cluster() -> None:
    kafka = component("strimzi", "Kafka")["spec"]["kafka"]["version"]
    assert COMPOSE.services["kafka"].image == f"docker.io/apache/kafka:{kafka}"
    pod = component("redis", "StatefulSet")["spec"]["template"]["spec"]
    assert COMPOSE.services["redis"].image == pod["containers"][0]["image"]
    owner = pod["securityContext"]
    assert COMPOSE.services["redis"].user == f"{owner['runAsUser']}:{owner['runAsGroup']}"


def test_redis_keeps_what_it_is_given_and_evicts_nothing() -> None:
    config = component("redis", "ConfigMap")["data"]["redis.conf"]
    wanted = dict(line.split(None, 1) for line in config.splitlines() if line[:1].isalpha())
    command = COMPOSE.services["redis"].command[1:]
    given = {name.removeprefix("--"): text for name, text in zip(*[iter(command)] * 2, strict=True)}
    assert given["save"] == ""
    assert (given["appendonly"], given["maxmemory-policy"]) == ("yes", "noeviction")
    for name in ("appendonly", "appendfsync", "maxmemory", "maxmemory-policy"):
        assert given[name] == wanted[name], name


def test_nothing_is_reached_from_another_machine() -> None:
    taken = [port for one in COMPOSE.services.values() for port in one.ports]
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in taken)
    assert len(set(taken)) == len(taken)
    assert all(port.endswith(":8080") for one in OURS.values() for port in one.ports)


def test_kafka_tells_each_door_an_address_that_works_there() -> None:
    kafka = COMPOSE.services["kafka"]
    told = dict(
        one.split("://") for one in str(kafka.environment["KAFKA_ADVERTISED_LISTENERS"]).split(",")
    )
    assert {one.environment["KAFKA_BOOTSTRAP_SERVERS"] for one in OURS.values()} == {told["INSIDE"]}
    host, _, inner = kafka.ports[0].rpartition(":")
    assert told["OUTSIDE"] == host == f"127.0.0.1:{inner}"
    assert f"KAFKA_BOOTSTRAP_SERVERS={told['OUTSIDE']}" in DOCUMENT
    listening = str(kafka.environment["KAFKA_LISTENERS"])
    assert f"OUTSIDE://:{inner}" in listening
    assert f"INSIDE://:{told['INSIDE'].rpartition(':')[2]}" in listening


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_container_is_told_what_func_yaml_tells_the_function(name: str) -> None:
    envs = FUNCTIONS[name].run.envs
    known = {each.name for each in envs if each.name}
    if name == "act":
        known |= set(CHANNEL_SECRETS)
    told = OURS[name].environment
    assert set(told) <= known | {"REDIS_WAIT"}
    for each in envs:
        if each.name in told and "{{" not in each.value:
            assert told[each.name] == each.value, each.name
    image = {"FUNCTION_TARGET", "FUNCTION_SIGNATURE_TYPE"}  # said by the image
    mounted = {"RUNBOOK_DIR", "JOB_TEMPLATE_DIR", "PROMETHEUS_ACCESS", "LOKI_ACCESS"}
    cluster = {"RUNBOOK_MAX_REPLICAS"}  # there is no cluster to repair
    assert known - set(told) <= image | mounted | cluster


def test_what_is_secret_is_taken_from_the_shell_and_never_written_here() -> None:
    for name, secrets in (("act", CHANNEL_SECRETS), ("gateway", GATEWAY_SECRETS.values())):
        told = OURS[name].environment
        assert {told.get(each, "missing") for each in secrets} == {None}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_container_has_the_memory_a_pod_has(name: str) -> None:
    limits = FUNCTIONS[name].deploy.options.resources.limits
    unit = {"Mi": "m", "Gi": "g"}[limits.memory[-2:]]
    assert OURS[name].mem_limit == limits.memory[:-2] + unit


def test_the_document_names_the_address_of_every_function_that_events_go_to() -> None:
    at = dict(re.findall(r"--at (\w+)=http://([\d.:]+)", DOCUMENT))
    fed = set(FUNCTIONS) - {"gateway"}
    assert set(at) == fed
    for name in fed:
        assert OURS[name].ports == (f"{at[name]}:8080",)


def test_files_that_are_mounted_are_there() -> None:
    (mount,) = {volume for one in OURS.values() for volume in one.volumes}
    source = re.fullmatch(r"\$\{AIOPS_CONFIG:-\./(\w+)\}:/etc/aiops:ro", mount)
    assert source is not None
    assert (FILE.parent / source[1] / "aiops.yaml").is_file()
    assert {one.environment["AIOPS_CONFIG"] for one in OURS.values()} == {"/etc/aiops"}
