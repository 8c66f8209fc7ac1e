"""What is recorded from Prometheus replays to the same incidents."""

import json
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aiops.adapters.prometheus import Answer, Sample
from aiops.batching import Reading
from aiops.errors import Misconfigured, Unavailable
from aiops.events import SeriesHead
from local import past
from local.cli import main
from local.commands import record as command
from local.recorder import Recorder
from local.recording import Recording, read_recording
from local.replay import replay
from local.scenario.generate import generate
from local.scenario.recording import write


class Played:
    """Answers with what a recording holds: metrics by name, and its calls as a service graph."""

    def __init__(self, recording: Recording) -> None:
        self.rows: defaultdict[str, list[Sample]] = defaultdict(list)
        self.calls = recording.calls
        for place, time, value in zip(
            recording.series.tolist(),
            recording.time.tolist(),
            recording.value.tolist(),
            strict=True,
        ):
            head = recording.heads[place]
            self.rows[head.metric].append(Sample(head.labels, time, value))

    def query(self, promql: str, at: int) -> Answer:
        if "traces_service_graph" in promql:
            return Answer(
                tuple(Sample({"client": c.client, "server": c.server}, at, 1.0) for c in self.calls)
            )
        return self.query_range(promql, at, at, 1)

    def query_range(self, promql: str, since: int, until: int, step: int) -> Answer:
        return Answer(tuple(s for s in self.rows.get(promql, ()) if since <= s.time <= until))


@pytest.fixture
def scenario(tmp_path: Path) -> Recording:
    write(generate(3, hours=3, faults=2), tmp_path / "scenario")
    return read_recording(tmp_path / "scenario")


def recorded(
    scenario: Recording, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *more: str
) -> int:
    metrics = sorted({head.metric for head in scenario.heads})
    queries = [{"metric": metric, "promql": metric} for metric in metrics]
    (tmp_path / "aiops.yaml").write_text(json.dumps({"collect": {"queries": queries}}))
    monkeypatch.setattr(past, "prometheus_of", lambda url: Played(scenario))
    monkeypatch.setattr(command, "prometheus_of", lambda url: Played(scenario))
    first, last = (int(end) / 1000 for end in (scenario.time.min(), scenario.time.max()))
    span = ("--since", stamp(first), "--until", stamp(last), "--prometheus-url", "http://x")
    return main(["record", str(out), *span, "--config", str(tmp_path / "aiops.yaml"), *more])


def stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def test_what_was_recorded_replays_to_the_same_incidents(
    scenario: Recording,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(past, "MOST_SAMPLES", 500)  # so that it comes in pieces
    assert recorded(scenario, tmp_path / "out", tmp_path, monkeypatch, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["samples"], told["series"]) == (len(scenario.time), len(scenario.heads))
    again = read_recording(tmp_path / "out")
    assert {(c.client, c.server) for c in again.calls} == {
        (c.client, c.server) for c in scenario.calls
    }
    before, after = (replay([one], {}, scenario.calls) for one in (scenario, again))
    assert before.incidents != ()
    assert after.incidents == before.incidents
    assert after.anomalies == before.anomalies


def test_nothing_is_written_over_and_nothing_half(
    scenario: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    assert recorded(scenario, out, tmp_path, monkeypatch) == 2
    (out / "notes.txt").unlink()

    def away(*_: object) -> Answer:
        raise Unavailable("Prometheus: timeout")

    monkeypatch.setattr(Played, "query_range", away)
    assert recorded(scenario, out, tmp_path, monkeypatch) == 1
    assert list(out.iterdir()) == []


def test_of_repeats_the_first_counts_and_labels_of_taken_names_are_renamed(tmp_path: Path) -> None:
    recorder = Recorder()
    head = SeriesHead(metric="m", labels={"value": "x", "service": "cart", "empty": ""})
    recorder.take([Reading(head, 2000, 0.123456789012), Reading(head, 1000, 1.0)])
    recorder.take([Reading(head, 2000, 7.0), Reading(head, 3000, float("nan"))])
    recorder.write(tmp_path / "out")
    found = read_recording(tmp_path / "out")
    assert found.heads == (
        SeriesHead(metric="m", labels={"exported_value": "x", "service": "cart"}),
    )
    assert found.time.tolist() == [1000, 2000, 3000]
    assert found.value.tolist()[:2] == [1.0, 0.123456789012]
    assert found.value[2] != found.value[2]
    with pytest.raises(Misconfigured):
        read_recording(tmp_path)
