"""How Kafka is talked to follows from the environment, and what is wrong there is named."""

import ssl

import pytest

from aiops.adapters.kafka_access import kafka_access
from aiops.errors import Misconfigured

SASL = {
    "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "KAFKA_SASL_USERNAME": "aiops", "KAFKA_SASL_PASSWORD": "of-nobody-else",
}  # fmt: skip


@pytest.mark.parametrize(
    "said", [{}, {"KAFKA_SECURITY_PROTOCOL": ""}, {"KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}]
)
def test_in_clear_as_nobody_where_nothing_is_said(said):
    assert kafka_access(said) == {}


def test_a_user_is_told_with_his_mechanism():
    assert kafka_access(SASL) == {
        "security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "aiops", "sasl_plain_password": "of-nobody-else",
    }  # fmt: skip


def test_over_tls_the_broker_has_to_prove_who_it_is():
    context = kafka_access({"KAFKA_SECURITY_PROTOCOL": "SSL"})["ssl_context"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"KAFKA_SECURITY_PROTOCOL": "TLS"}, "KAFKA_SECURITY_PROTOCOL"),
        (SASL | {"KAFKA_SASL_MECHANISM": "GSSAPI"}, "KAFKA_SASL_MECHANISM"),
        (SASL | {"KAFKA_SASL_USERNAME": ""}, "KAFKA_SASL_USERNAME: not set"),
        (SASL | {"KAFKA_SASL_PASSWORD": ""}, "KAFKA_SASL_PASSWORD: not set"),
        ({"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_CA": "of-nobody-else"}, "KAFKA_CA"),
    ],
)
def test_what_is_wrong_is_named_and_no_secret_told(said, named):
    with pytest.raises(Misconfigured, match=named) as found:
        kafka_access(said)
    assert "of-nobody-else" not in str(found.value)
