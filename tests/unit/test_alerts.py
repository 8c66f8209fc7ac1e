"""Alerts of others, from the body of a webhook to anomalies."""

import json
import sys
from io import BytesIO, TextIOWrapper

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiops import topics
from aiops.adapters.memory_broker import MemoryPublisher
from aiops.alertmanager import MAX_BYTES, unix_ms
from aiops.alerts import (
    BATCH,
    BATCH_BYTES,
    MAX_ALERTS,
    MAX_REASON,
    AlertMap,
    Translator,
    messages,
    snake_case,
)
from aiops.detection import severity_of
from aiops.errors import Misconfigured, Rejected
from aiops.events import Alert, AnomaliesDetected
from aiops.series import SeriesMap
from local.commands import alerts as command

START = "2026-01-31T12:00:00.123456789Z"
START_MS = 1_769_860_800_123
NOW = START_MS + 600_000
NEVER = "0001-01-01T00:00:00Z"


def alert(**changes):
    """Return one alert as Alertmanager writes it."""
    return {
        "status": "firing",
        "labels": {
            "alertname": "HighErrorRate",
            "service": "checkout",
            "severity": "critical",
            "prometheus_replica": "a",
        },
        "annotations": {"summary": "5 % of requests fail", "runbook_url": "https://wiki/x"},
        "startsAt": START,
        "endsAt": NEVER,
        "generatorURL": "http://prometheus/graph?g0.expr=x",
        "fingerprint": "9b1d2f3a4c5e6f70",
    } | changes


def labelled(**labels):
    return alert(labels={"alertname": "HighErrorRate", "service": "checkout"} | labels)


def notification(*alerts, **changes):
    """Return the body of version 4, with what later versions of Alertmanager add."""
    return json.dumps(
        {
            "version": "4",
            "groupKey": '{}:{alertname="HighErrorRate"}',
            "truncatedAlerts": 0,
            "status": "firing",
            "receiver": "aiops",
            "groupLabels": {"alertname": "HighErrorRate"},
            "commonLabels": {},
            "commonAnnotations": {},
            "externalURL": "http://alertmanager",
            "notification_reason": "first",
            "routeLabels": {},
            "alerts": list(alerts),
        }
        | changes
    ).encode()


def translated(*alerts, now=NOW, config=None, **changes):
    translator = Translator("shop", SeriesMap(), config or AlertMap())
    return translator.translate(notification(*alerts, **changes), now)


def test_an_alert_is_an_anomaly_of_the_service_its_labels_name():
    (found,) = translated(alert()).anomalies
    assert (found.service, found.metric, found.role, found.time) == (
        "checkout",
        "HighErrorRate",
        "errors",
        START_MS,
    )
    assert (found.domain, found.detector, found.severity) == ("shop", "alertmanager", 5)
    assert found.reason == "5 % of requests fail"
    assert found.labels["alertname"] == "HighErrorRate"
    assert "prometheus_replica" not in found.labels
    assert (found.value, found.expected) == (1.0, 0.0)
    assert found.alert == Alert()


def test_an_alert_stays_the_same_one_until_it_begins_to_fire_again():
    resolved = alert(status="resolved", endsAt="2026-01-31T12:05:00Z", annotations={})
    again = alert(startsAt="2026-01-31T13:00:00Z")
    other = alert(fingerprint="0000000000000000")
    ids = [one.id for one in translated(alert(), resolved, again, other).anomalies]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


def test_without_a_fingerprint_the_labels_tell_alerts_apart():
    bare = alert(fingerprint="")
    other = labelled(severity="warning") | {"fingerprint": ""}
    first, same, second = translated(bare, bare, other).anomalies
    assert first.id == same.id != second.id


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, Alert()),
        ({"endsAt": "2026-01-31T18:00:00Z"}, Alert(expires_at=START_MS + 6 * 3_600_000 - 123)),
        (
            {"status": "resolved", "endsAt": "2026-01-31T12:05:00Z"},
            Alert(ended_at=START_MS + 300_000 - 123),
        ),
        ({"status": "resolved", "endsAt": "2026-01-31T18:00:00Z"}, Alert(ended_at=NOW)),
        ({"status": "resolved"}, Alert(ended_at=NOW)),
        ({"status": "resolved", "endsAt": "2026-01-30T00:00:00Z"}, Alert(ended_at=START_MS)),
    ],
)
def test_how_long_an_alert_goes_on_is_what_it_says_as_far_as_that_can_be(changes, state):
    (found,) = translated(alert(**changes)).anomalies
    assert found.alert == state


@pytest.mark.parametrize(
    ("labels", "severity"),
    [
        ({"severity": "critical"}, 5),
        ({"severity": " Warning "}, 3),
        ({"severity": "info"}, 1),
        ({"priority": "P2"}, 4),
        ({"severity": "purple"}, 3),
        ({}, 3),
    ],
)
def test_the_severity_is_that_of_the_label_and_the_score_is_one_of_that_severity(labels, severity):
    (found,) = translated(labelled(**labels)).anomalies
    assert found.severity == severity == severity_of(found.score)
    assert found.score == pytest.approx(1 - found.alarm_line / found.evidence)


def test_what_severities_mean_can_be_said_otherwise():
    config = AlertMap(severity_from=("team_sev",), severities={"ugly": 4}, severity=2)
    found = translated(labelled(team_sev="Ugly"), labelled(severity="critical"), config=config)
    assert [one.severity for one in found.anomalies] == [4, 2]


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("HighErrorRate", "errors"),
        ("InstanceDown", "errors"),
        ("KubePodCrashLooping", "errors"),
        ("HTTPRequestDurationHigh", "latency"),
        ("CPUThrottlingHigh", "saturation"),
        ("Strange", "other"),
    ],
)
def test_the_role_of_an_alert_is_read_from_its_name(name, role):
    (found,) = translated(labelled(alertname=name)).anomalies
    assert found.role == role


def test_names_are_taken_apart_into_words():
    assert snake_case("HTTPErrorsHigh") == "http_errors_high"
    assert snake_case("disk full (80%)") == "disk_full_80_"


def test_a_call_is_told_of_where_the_labels_name_both_ends():
    (found,) = translated(labelled(client="web", server="cart", service="")).anomalies
    assert (found.edge, found.service) == (("web", "cart"), "cart")


def test_what_is_said_is_plain_text_of_a_bounded_length():
    long = alert(annotations={"summary": "a\n\t\x00b <b>c</b> " + "x" * 100_000})
    (found,) = translated(long).anomalies
    assert found.reason.startswith("a b <b>c</b> x")
    assert len(found.reason) == MAX_REASON


def test_an_alert_that_says_nothing_fires():
    blank = alert(annotations={"summary": " \n", "description": ""})
    assert translated(blank).anomalies[0].reason == "HighErrorRate fires"


def test_alerts_that_always_fire_are_none():
    assert translated(labelled(alertname="Watchdog")).dropped == {"ignored": 1}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("not an alert", "malformed"),
        (None, "malformed"),
        (alert(status="on fire"), "malformed"),
        (alert(labels={"alertname": 7}), "malformed"),
        (alert(labels=None), "malformed"),
        (alert(fingerprint="f" * 300), "malformed"),
        (alert(startsAt="2026-01-31T12:00:00Z" + " " * 100), "malformed"),
        (alert(labels={"service": "checkout"}), "nameless"),
        (alert(startsAt=NEVER), "no_start"),
        (alert(startsAt="yesterday"), "no_start"),
        (alert(startsAt="9999-12-31T23:59:59-14:00"), "no_start"),
        (labelled(**{f"l{n}": "x" for n in range(70)}), "too_many_labels"),
        (labelled(note="x" * 5_000), "label_too_long"),
    ],
)
def test_an_alert_that_cannot_be_read_is_counted_and_the_others_are_taken(bad, reason):
    found = translated(alert(), bad, alert(fingerprint="b"))
    assert len(found.anomalies) == 2
    assert found.dropped == {reason: 1}


def test_what_alertmanager_left_out_and_what_is_too_much_is_counted():
    many = [alert(fingerprint=str(n)) for n in range(MAX_ALERTS + 3)]
    found = translated(*many, truncatedAlerts=5)
    assert len(found.anomalies) == MAX_ALERTS
    assert found.dropped == {"too_many": 3, "truncated": 5}


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        (b"", "payload"),
        (b"{", "payload"),
        (b"[]", "payload"),
        (b"\xff\xfe", "payload"),
        (b"{}", "alerts"),
        (b'{"alerts": {}}', "alerts"),
        (b'{"alerts": [], "truncatedAlerts": -1}', "truncatedAlerts"),
        (b'{"alerts": ' + b"[" * 100_000 + b"}", "payload"),
        (b" " * (MAX_BYTES + 1), "payload"),
    ],
)
def test_what_is_no_notification_is_refused_and_the_field_is_named(payload, field):
    with pytest.raises(Rejected, match=f"^{field}: "):
        Translator("shop", SeriesMap(), AlertMap()).translate(payload, NOW)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(), inside, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from((*alert(), "labels", "annotations", "extra"))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(FIELDS, JSON, max_size=4))
def test_whatever_an_alert_says_it_is_taken_or_counted(changes):
    found = translated(alert(**changes))
    assert len(found.anomalies) + found.dropped.total() == 1


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2026-01-31T12:00:00Z", START_MS - 123),
        ("2026-01-31T13:00:00+01:00", START_MS - 123),
        ("2026-01-31T12:00:00", START_MS - 123),
        (START, START_MS),
        (NEVER, None),
        ("1969-12-31T23:59:59Z", None),
        ("", None),
    ],
)
def test_times_are_read_as_utc_unless_they_say_otherwise(text, ms):
    assert unix_ms(text) == ms


def test_alerts_travel_as_anomalies_of_their_domain_a_bounded_number_at_a_time():
    found = translated(*(alert(fingerprint=str(n)) for n in range(BATCH + 1))).anomalies
    sent = list(messages(found, "shop", NOW))
    facts = [AnomaliesDetected.model_validate_json(one.event.data) for one in sent]
    assert sum(len(fact.anomalies) for fact in facts) == BATCH + 1
    assert max(len(fact.anomalies) for fact in facts) <= BATCH
    assert {(one.topic, one.key, one.event.type) for one in sent} == {
        (topics.ANOMALIES, "shop", AnomaliesDetected.type)
    }
    assert len({one.event.id for one in sent}) == len(sent) > 1


def test_large_alerts_travel_in_events_that_a_broker_takes():
    labels = {f"l{n}": "x" * 2_000 for n in range(50)}
    found = translated(*(labelled(**labels, instance=str(n)) for n in range(20))).anomalies
    assert max(len(one.event.data) for one in messages(found, "shop", NOW)) <= BATCH_BYTES


class Broker(MemoryPublisher):
    """Stands in for the real one of the command."""

    def __call__(self, servers):
        assert servers == "kafka:9092"
        return self


def options(payload, **changes):
    values = {
        "payload": payload,
        "config": "",
        "domain": "shop",
        "bootstrap_servers": "kafka:9092",
        "json": True,
    }
    return type("Options", (), values | changes)


def test_the_command_publishes_what_a_file_holds_and_tells_what_it_could_not_read(
    monkeypatch, tmp_path, capsys
):
    broker = Broker()
    monkeypatch.setattr(command, "KafkaPublisher", broker)
    file = tmp_path / "payload.json"
    file.write_bytes(notification(alert()))
    assert command.run(options(str(file))) == 0
    assert json.loads(capsys.readouterr().out)["accepted"][0]["service"] == "checkout"
    file.write_bytes(notification(alert(), "junk"))
    assert command.run(options(str(file), json=False)) == 1
    said = capsys.readouterr()
    assert said.out == "HighErrorRate of checkout fires, severity 5: 5 % of requests fail\n"
    assert said.err == "aiops alerts: 1 dropped: malformed\n"
    assert len(broker.topics[topics.ANOMALIES]) == 2


def test_the_command_reads_its_input_and_needs_a_broker(monkeypatch, capsys):
    monkeypatch.setattr(command, "KafkaPublisher", Broker())
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(notification())))
    assert command.run(options("-")) == 1
    assert json.loads(capsys.readouterr().out) == {"accepted": [], "dropped": {}}
    with pytest.raises(Misconfigured, match="No such file"):
        command.run(options("/nowhere/at.all"))
    with pytest.raises(Misconfigured, match="bootstrap-servers"):
        command.run(options("-", bootstrap_servers=""))
