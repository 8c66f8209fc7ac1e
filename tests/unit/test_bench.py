"""The measured figures are where the document says they are, and the harness refuses void ones."""

import json
import re
from pathlib import Path

import pytest

from bench.report import DOCUMENT, PICTURE, RESULTS, filled, read, shown
from bench.rounds import medians, quantile, taking_turns
from bench.stages import STAGES
from bench.stopwatch import Stopwatch
from bench.tally import Tally
from bench.workload import Sweeps, groups, request

FIGURES = read()
TEXT = DOCUMENT.read_text()


def test_every_figure_in_the_document_is_the_one_that_was_measured() -> None:
    assert filled(TEXT, FIGURES) == TEXT, "run: make bench"


def test_no_figure_in_a_table_of_the_document_was_typed() -> None:
    tables = [line for line in TEXT.splitlines() if line.startswith("|")]
    for line in tables:
        typed = re.sub(r"<!-- \w+ -->.*?<!-- -->", "", line)
        assert not re.search(r"\d[.,]\d|\d+ ?(ms|s|µs|samples/s)\b", typed), line


def test_the_picture_shows_the_figures() -> None:
    for stage in STAGES:
        assert f"{stage} {FIGURES[f'batch_{stage}_milliseconds']:.2f}" in PICTURE.read_text()


@pytest.mark.parametrize(
    "name",
    [
        "detect_samples_per_second", "detect_samples_per_second_one_core",
        "detect_cost_ratio_1k_to_100k_series", "end_to_end_p50_seconds", "end_to_end_p99_seconds",
        "redis_bytes_per_series", "correlate_anomalies_per_second",
        "detect_cold_start_seconds", "correlate_cold_start_seconds",
        "act_cold_start_seconds", "collect_cold_start_seconds",
    ],
)  # fmt: skip
def test_what_others_read_is_there_as_a_number(name: str) -> None:
    figure = json.loads(RESULTS.read_text())[name]
    assert isinstance(figure, float)
    assert figure > 0


def test_figures_are_shown_in_their_unit() -> None:
    assert shown("end_to_end_p99_seconds", 0.0478) == "48 ms"
    assert shown("detect_cold_start_seconds", 1.234) == "1.23 s"
    assert shown("detect_samples_per_second", 61234.5) == "61 234"
    assert shown("batch_read_milliseconds", 1.699) == "1.70 ms"
    assert shown("detect_cost_ratio_1k_to_100k_series", 1.0896) == "1.09"


def test_ways_take_turns_and_none_always_goes_first() -> None:
    order: list[str] = []
    ways = {name: lambda number, name=name: order.append(name) or float(number) for name in "abc"}
    found = taking_turns(ways, rounds=3)
    assert order == list("abcbcacab")
    assert medians(found) == {"a": 1.0, "b": 1.0, "c": 1.0}


def test_a_quantile_is_a_value_that_was_measured() -> None:
    values = [float(n) for n in range(1, 101)]
    assert quantile(values, 0.5) == 50.0
    assert quantile(values, 0.99) == 99.0
    assert quantile([7.0], 0.99) == 7.0


def test_samples_that_were_not_accepted_make_a_figure_void(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text('{"status": 204, "accepted": 7}\n')
    tally = Tally(log)
    with log.open("a") as more:
        more.write('{"status": 204, "milliseconds": 3, "accepted": 500, "anomalies": 2}\nwords\n')
    assert tally.all_accepted(500) == 2
    with log.open("a") as more:
        more.write('{"status": 204, "accepted": 499, "late": 1}\n')
    with pytest.raises(ValueError, match="late"):
        tally.all_accepted(500)


def test_a_stage_is_not_charged_for_what_it_calls() -> None:
    watch = Stopwatch()
    with watch.stage("outer"):
        watch.timed("inner", lambda: sum(range(300_000)))()
    assert watch.seconds["inner"] > watch.seconds["outer"]


def test_a_group_is_one_batch_and_sweeps_go_forward_in_time() -> None:
    sweeps = Sweeps(groups(2, size=20), 1_000_000)
    first, second = sweeps.messages(), sweeps.messages(mixed=True)
    assert [message.event.data.count(b"metric") for message in first] == [20, 20]
    assert first[0].event.time < second[0].event.time
    assert request("http://127.0.0.1:80", first[0]).endswith(first[0].event.data)
