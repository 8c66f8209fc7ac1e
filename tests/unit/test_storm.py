"""What a storm came to, and which bounds it broke."""

import json
from collections import Counter

import pytest

from bench.function_log import Requests, read_requests
from bench.outcome import Outcome, figures, problems
from bench.probes import Probes, services
from bench.tempest import ANOMALIES


def outcome(**changes) -> Outcome:
    """Return a storm that passed well, changed where a test says so."""
    fine = {
        "counted": ANOMALIES,
        "incidents": 1,
        "sent_in": 10.0,
        "drained_in": 0.5,
        "latencies": {"before": [0.1, 0.2], "during": [0.3], "after": [0.1]},
        "messages": Counter(storm=3),
        "requests": {"aiops-correlate": Requests([5.0, 9.0])},
        "mebibytes": {"aiops-correlate": 80.0},
    }
    return Outcome(**fine | changes)


def test_a_storm_that_passed_well_broke_nothing():
    assert problems(outcome()) == []
    assert figures(outcome())["latency_before_p50_seconds"] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"counted": ANOMALIES - 1}, "9999 of 10000"),
        ({"sent_in": 11.5}, "11.5 s to send"),
        ({"incidents": 0}, "0 incidents"),
        ({"incidents": 6}, "6 incidents"),
        ({"messages": Counter(storm=31)}, "31 messages"),
        ({"messages": Counter()}, "0 messages"),
        ({"drained_in": float("inf")}, "drained after inf"),
        ({"lost": 1}, "1 events dead-lettered"),
        ({"unanswered": 1}, "1 probes without"),
        ({"requests": {"aiops-act": Requests([20_001.0])}}, "a request of 20.0 s"),
        ({"mebibytes": {"aiops-act": 513.0}}, "513 MiB"),
        ({"requests": {"aiops-act": Requests([1.0], Counter({"500 bug": 1}))}}, "500 bug"),
        (
            {"latencies": {"before": [0.2], "during": [3.0], "after": [0.41]}},
            "0.41 s after, 0.20 s before",
        ),
        ({"latencies": {"before": [0.2], "during": [0.2], "after": []}}, "no probe"),
    ],
)
def test_a_broken_bound_is_named(changes, words):
    (said,) = problems(outcome(**changes))
    assert words in said


def test_a_503_names_its_reason_and_is_no_bug():
    refused = Counter({"503 Redis: ConnectionError": 2})
    fine = outcome(requests={"aiops-correlate": Requests([1.0], refused)})
    assert problems(fine) == []
    assert figures(fine)["correlate_503 Redis: ConnectionError"] == 2


def test_a_functions_log_tells_how_long_requests_took_and_which_were_refused(tmp_path):
    log = tmp_path / "act.log"
    lines = [
        {"status": 204, "milliseconds": 3.5},
        {"status": 503, "milliseconds": 9.0, "error": "Redis: ConnectionError"},
    ]
    log.write_text("Booting worker\n" + "\n".join(map(json.dumps, lines)) + "\n[1, 2]\n")
    requests = read_requests(log)
    assert requests.milliseconds == [3.5, 9.0]
    assert requests.refused == {"503 Redis: ConnectionError": 1}
    assert requests.quantile(1.0) == pytest.approx(9.0)
    assert Requests().quantile(0.5) == pytest.approx(0.0)


def test_probes_are_each_about_another_service_and_remember_when_they_were_sent():
    sent = []
    with Probes(sent.append) as probes:
        while len(sent) < 2:
            pass
    assert sent == list(probes.sent) == services()[: len(sent)]
    first, second = (probes.sent[name] for name in sent[:2])
    assert probes.between(first, second) == [sent[0]]
