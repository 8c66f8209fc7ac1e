"""What is told of a series, of its verdicts, and how verdicts leave and enter."""

from pathlib import Path

import pytest
import redis

from aiops import topics
from aiops.adapters.keys import Keys
from aiops.adapters.redis_series import RedisSeriesStore
from aiops.adapters.redis_verdicts import RedisVerdicts
from aiops.errors import Misconfigured
from aiops.events import FeedbackGiven
from aiops.selector import Selector
from aiops.series_store import Write
from aiops.verdicts import Given
from functions.detect.account import account
from functions.detect.config import DetectConfig, Rule
from functions.detect.judge import Judge
from functions.detect.record import header_of
from local.backtest import Columns, read_series
from local.cli import main
from local.commands.verdict import message_of, verdict_on
from local.commands.verdicts import rows_of
from local.explain.series_account import read_name
from tests.detecting import HEAD, MINUTE, NAMES, START, Detecting, band, minutes, noise

SERIES = NAMES.read(HEAD)
LIMIT = Rule(
    match=Selector(metric="requests", labels={"service": "sh.*"}),
    detector="static",
    params={"upper": 10.0},
)


def told(detecting: Detecting, now: int = START + 9 * MINUTE) -> str:
    record = detecting.store.records.get((SERIES.shard, SERIES.key))
    kinds = detecting.handler.scorer.kinds
    header = None if record is None else header_of(record, kinds)
    (given,) = detecting.verdicts.read([(SERIES.shard, SERIES.key)])
    status = detecting.models.status(SERIES.key)
    return "\n".join(account(detecting.config, SERIES, header, given, status, now))


def test_the_rule_and_the_lines_way_through_the_verdicts_are_told() -> None:
    detecting = Detecting(DetectConfig(rules=(LIMIT,)))
    first, second = detecting.feed([(START, 30.0), (START + MINUTE, 60.0)])
    detecting.say(first, "not_anomaly", START + 2 * MINUTE)
    detecting.say(second, "anomaly", START + 3 * MINUTE)
    text = told(detecting)
    assert "detector: static; rule 1 is the first that matches it" in text
    assert "(metric requests, service sh.*)" in text
    assert "2 samples since 2026-01-01 00:00; alarms" in text
    assert "alarm line: 1 of static, before any verdict" in text
    assert "2026-01-01 00:02 someone: not_anomaly at evidence 3 of static: at least 3.75" in text
    assert "2026-01-01 00:03 someone: anomaly at evidence 6 of static: at most 5.455" in text
    assert "alarm line now, of static: 3.75 = 1 x 3.75" in text


def test_of_a_series_with_a_model_its_model_is_told() -> None:
    detecting = Detecting(DetectConfig(default=Rule(detector="prophet", learn_for=3600)))
    assert "model: none yet, the baseline scores" in told(detecting)
    assert "no sample was accepted yet" in told(detecting)
    detecting.feed(minutes(START, noise(5)))
    least = Judge.of(detecting.config.default).min_history
    assert f"5 samples since 2026-01-01 00:00; alarms after {least}" in told(detecting)
    detecting.fit(band(START + 5 * MINUTE))
    detecting.feed(minutes(START + 6 * MINUTE, noise(120)))
    text = told(detecting, now=START + 59 * MINUTE)
    assert "no rule matches it, so the default does" in text
    assert "alarms from 2026-01-01 01:00 on" in text
    assert "model: made 2026-01-01 00:05" in text
    assert "alarm line now, of a model: 1 = 1 x 1" in text


def test_what_was_expected_is_told_with_its_hours() -> None:
    detecting = Detecting(DetectConfig(rules=(LIMIT,)))
    (found,) = detecting.feed([(START + 15 * MINUTE, 30.0)])
    detecting.say(found, "expected", START + 20 * MINUTE)
    assert "from 0:00 to 1:00 UTC, 23:00 to 24:00 UTC at least 3.75" in told(detecting)


def test_a_series_may_be_named_as_prometheus_does() -> None:
    head = read_name('requests{service="shop", path="a\\"b,c"}')
    assert head.metric == "requests"
    assert head.labels == {"service": "shop", "path": 'a"b,c'}
    assert read_name("up").labels == {}
    for wrong in ("requests{service=shop}", "{}", "requests{"):
        with pytest.raises(Misconfigured):
            read_name(wrong)


def test_a_verdict_goes_out_as_detect_takes_it() -> None:
    detecting = Detecting(DetectConfig(rules=(LIMIT,)))
    (found,) = detecting.feed([(START, 30.0)])
    message = message_of(verdict_on(found, "not_anomaly", "me", START + MINUTE))
    assert (message.topic, message.key) == (topics.CONTROL, found.series)
    assert detecting.handler(message.event) == {"verdicts": 1}
    assert FeedbackGiven.model_validate_json(message.event.data).evidence == found.evidence


def given(anomaly: str, verdict: str, time: int) -> Given:
    return Given(anomaly, verdict, time, "baseline", 2.0, "me", START)


def test_verdicts_in_force_become_labels() -> None:
    said = [("b" * 32, (given("1", "anomaly", START), given("2", "withdrawn", START)))]
    said += [("a" * 32, (given("3", "expected", START), given("4", "not_anomaly", START)))]
    rows = [row[:4] for row in rows_of(said)]
    moment = "2026-01-01T00:00:00.000Z"
    assert rows == [
        ("b" * 32, moment, 1, "anomaly"),
        ("a" * 32, moment, 0, "expected"),
        ("a" * 32, moment, 0, "not_anomaly"),
    ]
    assert len(list(rows_of(said, "a" * 32))) == 2


def test_exported_verdicts_are_read_back_as_labels(
    redis_url: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    with redis.Redis.from_url(redis_url) as client:
        store = RedisVerdicts(client, Keys("export:"))
        store.add(SERIES.shard, SERIES.key, given("1", "anomaly", START))
        store.add(SERIES.shard, SERIES.key, given("2", "not_anomaly", START + MINUTE))
    assert main(["verdicts", "export", "--redis-url", redis_url, "--generation", "export"]) == 0
    file = tmp_path / "labels.csv"
    file.write_text(capsys.readouterr().out)
    read = read_series(file, Path("labels.csv"), Columns(value="evidence", label="label"))
    assert read.time.tolist() == [START, START + MINUTE]
    assert read.labelled is not None
    assert read.labelled.tolist() == [True, False]


def test_the_command_explains_a_series_of_a_running_pipeline(
    redis_url: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    config = tmp_path / "aiops.yaml"
    config.write_text("detect: {rules: [{detector: static, params: {upper: 10}}]}")
    rule = Rule(detector="static", params={"upper": 10})
    detecting = Detecting(DetectConfig(rules=(rule,)))
    detecting.feed([(START, 30.0)])
    record = detecting.store.records[SERIES.shard, SERIES.key]
    with redis.Redis.from_url(redis_url) as client:
        store = RedisSeriesStore(client, Keys("explain:"))
        store.commit([Write(SERIES.shard, SERIES.key, b"", record)], START)
    where = ["--redis-url", redis_url, "--generation", "explain", "--config", str(config)]
    assert main(["explain", 'requests{service="shop"}', *where]) == 0
    text = capsys.readouterr().out
    assert "detector: static; rule 1" in text
    assert "1 samples since 2026-01-01 00:00" in text
    assert main(["explain", "0" * 32, *where, "--bootstrap-servers", ""]) == 1
    assert "no name is known of it" in capsys.readouterr().err


def test_of_metrics_that_are_looked_at_together_the_rule_that_says_so_is_told() -> None:
    rule = Rule(detector="isolation_forest", together=("cpu", "requests"))
    detecting = Detecting(DetectConfig(rules=(rule, LIMIT)))
    series = NAMES.read(HEAD.model_copy(update={"metric": "cpu+requests"}))
    text = "\n".join(account(detecting.config, series, None, (), None, START))
    assert "detector: isolation_forest; rule 1 is the first" in text
    assert "rule 2 is the first" in told(detecting)
