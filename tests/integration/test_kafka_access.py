"""Kafka that wants to know who asks, over TLS: who says it is let in, and nobody else."""

import gc
import shutil
import subprocess
import time

import pytest
from kafka.errors import KafkaError

from aiops.adapters.kafka_offsets import KafkaOffsets
from aiops.adapters.kafka_publisher import KafkaPublisher
from aiops.adapters.kafka_tail import KafkaTail
from aiops.canary import canary
from aiops.errors import Unavailable
from local.cli import main
from local.servers.apache_kafka import apache_kafka
from local.servers.process import free_ports

OPENSSL = shutil.which("openssl")
pytestmark = [
    pytest.mark.kafka,
    pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed"),
]

PASSWORD = "of-nobody-else"
LISTENERS = {
    "PLAINTEXT": "127.0.0.1:{{broker}}",
    "BEHIND": "{{behind}}",
    "SECURE": "127.0.0.1:{secure}",
}
NAMED = ",".join(f"{name}://{address}" for name, address in LISTENERS.items())
PROTOCOLS = "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,BEHIND:PLAINTEXT,SECURE:SASL_SSL"
LOGIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
SECURE = f"""
listeners={NAMED},CONTROLLER://127.0.0.1:{{{{controller}}}}
advertised.listeners={NAMED.replace("behind", "before")}
listener.security.protocol.map={PROTOCOLS}
listener.name.secure.sasl.enabled.mechanisms=PLAIN
listener.name.secure.plain.sasl.jaas.config={LOGIN} required user_aiops="{{password}}";
listener.name.secure.ssl.keystore.type=PEM
listener.name.secure.ssl.keystore.location={{keystore}}
"""


@pytest.fixture(scope="module")
def secured(tmp_path_factory, note_server):
    """Yield the address of a broker that lets only `aiops` in, and its authority as PEM."""
    folder = tmp_path_factory.mktemp("secured")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [str(OPENSSL), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", key, "-out", certificate],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    keystore = folder / "keystore.pem"
    keystore.write_text(key.read_text() + certificate.read_text())
    (port,) = free_ports(1)
    more = SECURE.format(secure=port, password=PASSWORD, keystore=keystore)
    server = apache_kafka(more)
    server.start(folder / "kafka")
    try:
        server.wait_ready()
        note_server(server.description)
        assert main(["topics", "--bootstrap-servers", server.bootstrap, "--replicas", "1"]) == 0
        yield f"127.0.0.1:{port}", certificate.read_text()
    finally:
        server.stop()


@pytest.fixture
def let_in(secured, monkeypatch):
    address, authority = secured
    for name, value in (
        ("KAFKA_SECURITY_PROTOCOL", "SASL_SSL"),
        ("KAFKA_SASL_MECHANISM", "PLAIN"),
        ("KAFKA_SASL_USERNAME", "aiops"),
        ("KAFKA_SASL_PASSWORD", PASSWORD),
        ("KAFKA_CA", authority),
    ):
        monkeypatch.setenv(name, value)
    return address


def publish(address):
    publisher = KafkaPublisher(address)
    try:
        publisher.publish(canary("one", time.time_ns() // 1_000_000))
    finally:
        publisher.close()


def test_who_says_who_he_is_may_publish_read_along_and_ask_for_positions(let_in):
    tail = KafkaTail(let_in, ["metrics"])
    publish(let_in)
    found = []
    deadline = time.monotonic() + 30
    while not found and time.monotonic() < deadline:
        found = tail.read(0.5)
    tail.close()
    assert [one.topic for one in found] == ["metrics"]
    offsets = KafkaOffsets(let_in)
    assert sum(end for _, end in offsets.bounds(["metrics"]).values()) >= 1
    offsets.close()


@pytest.mark.filterwarnings("ignore:Exception ignored")  # kafka-python leaves the socket open
@pytest.mark.parametrize(
    ("name", "value"),
    [("KAFKA_SASL_PASSWORD", "guessed"), ("KAFKA_CA", ""), ("KAFKA_SECURITY_PROTOCOL", "")],
)
def test_whoever_does_not_is_not_and_no_error_holds_the_password(let_in, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises((Unavailable, KafkaError)) as refused:
        publish(let_in)
    gc.collect()
    assert PASSWORD not in str(refused.value)
    assert "guessed" not in str(refused.value)
