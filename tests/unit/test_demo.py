"""What the live run streams, keeps and says."""

from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from aiops import topics
from aiops.events import Anomaly, ChangeObserved, Incident, Samples, Suspect, TopologyObserved
from local.demo import words
from local.demo.feed import HISTORY_SLICE, MINUTE, Feed
from local.demo.picture import Flow, Picture
from local.demo.verdict import Verdict, summary, table
from local.demo.views import PlainView, draw
from local.evaluation import Fault, evaluate
from local.receiving import Message
from local.recording import Recording, read_recording
from local.scenario.generate import generate
from local.scenario.recording import write

START = 1_772_470_800_000


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    folder: Path = tmp_path_factory.mktemp("recording")
    write(generate(1, hours=2.0, faults=1), folder)
    return read_recording(folder)


def anomaly(id_: str = "a", time: int = START) -> Anomaly:
    return Anomaly(
        id=id_,
        domain="default",
        series="0" * 32,
        metric="request_error_ratio",
        labels={},
        service="cart",
        role="errors",
        time=time,
        value=2.0,
        expected=1.0,
        lower=0.5,
        upper=1.5,
        detector="static",
        evidence=2.0,
        alarm_line=1.0,
        score=0.5,
        severity=3,
        reason="far above",
    )


def incident(version: int = 1, notified_at: int | None = START, blamed: str = "cart") -> Incident:
    suspects = (Suspect(service=blamed, metric="m", score=2.0, reasons=("because", "and also")),)
    return Incident(
        id="i",
        domain="default",
        version=version,
        status="open",
        title="cart is ill",
        severity=4,
        opened_at=START,
        updated_at=START,
        notified_at=notified_at,
        services=("cart",),
        anomalies=2,
        evidence=(),
        root_cause=suspects,
        root_cause_at_notification=suspects,
        blast_radius=("frontend",),
    )


def drained(feed: Feed) -> list[Samples]:
    batches: list[Samples] = []
    until = feed.start
    while not feed.finished:
        until += 7 * MINUTE
        batches += [
            Samples.model_validate_json(message.event.data)
            for message in feed.take(until)
            if message.topic == topics.METRICS
        ]
    return batches


def test_every_sample_goes_out_once_and_those_of_a_series_in_order(recording: Recording) -> None:
    last: dict[str, int] = {}
    seen = 0
    for batch in drained(Feed(recording, 0)):
        assert len(batch.samples) <= 500
        for place, time, _ in batch.samples:
            head = batch.series[place]
            name = f"{head.metric}{sorted(head.labels.items())}"
            assert time > last.get(name, 0)
            last[name] = time
            seen += 1
    assert seen == len(recording.time)


def test_a_slice_spans_a_minute_once_the_history_is_through(recording: Recording) -> None:
    feed = Feed(recording, int(recording.time[0]) + HISTORY_SLICE)
    far = feed.end
    first = feed.take(far)
    assert feed.reached == feed.start - 1 + HISTORY_SLICE
    feed.take(far)
    feed.take(far)
    assert feed.reached <= feed.start - 1 + 2 * HISTORY_SLICE + MINUTE
    assert {message.event.time for message in first if message.topic == topics.METRICS} == {
        feed.start + HISTORY_SLICE - MINUTE
    }


def test_nothing_goes_out_before_its_time(recording: Recording) -> None:
    feed = Feed(recording, 0)
    assert feed.take(feed.start - 1) == []
    assert not feed.finished


def test_changes_go_out_with_the_samples_of_their_time(recording: Recording) -> None:
    feed = Feed(recording, feed_end := int(recording.time.max()))
    sent: Counter[str] = Counter()
    while not feed.finished:
        for message in feed.take(feed_end):
            sent[message.event.type] += 1
            assert message.event.time <= feed.reached
    assert sent[ChangeObserved.type] == len(recording.changes)


def test_the_topology_is_stated_before_the_first_sample(recording: Recording) -> None:
    feed = Feed(recording, 0)
    fact = TopologyObserved.model_validate_json(feed.topology("default").event.data)
    assert fact.calls == recording.calls
    assert fact.observed_at < feed.start


def test_a_repeated_anomaly_is_counted_once_and_old_ones_are_not_listed() -> None:
    picture = Picture(judged_from=START)
    picture.take_anomalies([anomaly("a"), anomaly("a"), anomaly("b", START - 1)])
    assert picture.anomalies == 2
    assert [one.id for one in picture.recent] == ["a"]


def test_an_older_snapshot_does_not_replace_a_newer_one() -> None:
    picture = Picture()
    picture.take_incident(incident(version=2), at=0.0)
    picture.take_incident(incident(version=1, notified_at=None), at=1.0)
    assert picture.incidents["i"].version == 2
    assert [one.id for one in picture.notified] == ["i"]


def test_the_time_to_an_incident_is_counted_from_the_publishing_of_its_first_sample() -> None:
    picture = Picture()
    picture.published(START, 10.0)
    picture.take_incident(incident(version=1), at=10.25)
    picture.take_incident(incident(version=2), at=20.0)
    assert picture.appeared == {"i": 0.25}


def seen_by(blamed: str, *, lost: int = 0) -> Verdict:
    fault = Fault(START - 30_000, "cart", "dead_pod", 3.2)
    evaluation = evaluate([incident(blamed=blamed)], [fault], START - 60_000, START + 60_000)
    counters = words.counters(Picture())
    return Verdict(1, "Redis 7", "Kafka 4", 100.0, counters, evaluation, 0.3, lost)


def test_a_run_is_good_only_if_every_fault_is_rightly_blamed_and_nothing_is_lost() -> None:
    assert seen_by("cart").good
    assert not seen_by("users").good
    assert not seen_by("cart", lost=1).good


def test_the_table_names_fault_size_delay_suspect_and_verdict() -> None:
    console = Console(width=80, record=True, quiet=False, file=None)
    with console.capture() as capture:
        console.print(table(seen_by("users")))
    row = next(line for line in capture.get().splitlines() if "dead pod of cart" in line)
    assert row.split() == ["16:59", "dead", "pod", "of", "cart", "3.2", "30", "s", "users", "wrong"]


def test_the_summary_names_the_servers_and_the_time_it_took() -> None:
    assert summary(seen_by("cart"))[-1] == "Redis 7 · Kafka 4 · seed 1 · 100 s"


def test_plain_lines_are_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    picture = Picture(judged_from=START, phase="streaming")
    picture.take_anomalies([anomaly()])
    picture.take_incident(incident(), at=0.0)
    picture.sent = (Message("slack", "k", "s", "New incident", ("New incident: cart", "*two*")),)
    picture.fault = Fault(START, "cart", "dead_pod", 3.2)
    view = PlainView()
    view.show(picture)
    view.show(picture)
    assert capsys.readouterr().out.splitlines() == [
        "-- streaming",
        "fault      dead pod of cart, 3.2 robust deviations, since 17:00:00",
        "anomaly    17:00:00 cart: request_error_ratio: far above",
        "incident   cart is ill (severity 4, open)",
        "           1. cart (2.00): because; and also",
        "           may feel it: frontend",
        "slack      New incident: cart · two",
    ]


def test_the_live_picture_shows_the_stages_the_fault_and_the_incident() -> None:
    picture = Picture(judged_from=START, now=START, servers="Redis 7 · Kafka 4")
    picture.flow = Flow(samples=1234, share=0.5)
    picture.take_anomalies([anomaly()])
    picture.take_incident(incident(), at=0.0)
    picture.fault = Fault(START, "cart", "errors")
    console = Console(width=100)
    with console.capture() as capture:
        console.print(draw(picture))
    shown = capture.get()
    for words_ in ("1,234", "errors of cart", "far above", "1. cart", "and also", "Kafka 4"):
        assert words_ in shown
