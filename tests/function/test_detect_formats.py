"""Records of foreign formats, as KafkaSource posts them, through the function's own edge."""

import json

import pytest
from flask.testing import FlaskClient

from tests.decoding import GOLDEN

HEADERS = {
    "ce-id": "partition:0/offset:7",
    "ce-source": "/apis/v1/namespaces/aiops/kafkasources/metrics-to-detect#metrics",
    "ce-type": "dev.knative.kafka.event",
    "ce-specversion": "1.0",
    "ce-time": "2026-01-01T00:00:00Z",
}
POSTED = {
    "OTLP, told by the content type of its record": (
        "otlp_proto/sums.bin",
        {"content-type": "application/x-protobuf"},
        {"accepted": 4},
    ),
    "OTLP, told by its topic": (
        "otlp_proto/sums.bin",
        {"ce-source": "/apis/v1/namespaces/aiops/kafkasources/x#otlp_metrics"},
        {"accepted": 4},
    ),
    "JSON without a content type": (
        "prometheus_kafka_adapter/lines.json",
        {},
        {"accepted": 2, "not_finite": 3},
    ),
    "JSON with one": (
        "telegraf/fields.json",
        {"content-type": "application/json"},
        {"accepted": 4, "not_a_number": 1},
    ),
}


@pytest.mark.parametrize("kind", POSTED)
def test_a_record_is_answered_and_its_samples_are_accounted_for(
    detect: FlaskClient, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    name, headers, counts = POSTED[kind]
    answer = detect.post("/", data=(GOLDEN / name).read_bytes(), headers=HEADERS | headers)
    assert answer.status_code == 204, answer.text
    line = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert counts.items() <= line.items()


def test_a_message_of_otlp_on_a_topic_of_json_is_a_400_that_names_the_reason(
    detect: FlaskClient,
) -> None:
    body = (GOLDEN / "otlp_proto" / "sums.bin").read_bytes()
    answer = detect.post("/", data=body, headers=HEADERS)
    assert answer.status_code == 400
    assert "its topic is not said to be binary" in answer.text
