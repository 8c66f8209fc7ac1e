"""Series made of others: ratios, saturation and deltas, from what one event says of one time."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from aiops.events import Samples, SeriesHead
from aiops.selector import Selector
from functions.detect.config import DetectConfig, Rule
from functions.detect.features.declared import Feature
from functions.detect.features.forming import MOST_PARTS
from functions.detect.features.sets import SETS
from tests.detecting import MINUTE, START, Detecting

ERRORS = Feature(
    name="error_ratio",
    kind="ratio",
    of=Selector(metric="requests_total", labels={"code": "5.."}),
    over=Selector(metric="requests_total"),
)
MEMORY = Feature(
    name="memory_saturation",
    kind="saturation",
    of=Selector(metric="memory_bytes"),
    over=Selector(metric="memory_limit_bytes"),
)
LAG = Feature(name="lag_delta", kind="delta", of=Selector(metric="lag"))


def head(metric: str, kind: str = "gauge", **labels: str) -> SeriesHead:
    return SeriesHead(metric=metric, labels={"service": "cart", **labels}, kind=kind)


def requests(code: str, **labels: str) -> SeriesHead:
    return head("requests_total", "counter", code=code, **labels)


class World:
    """A `detect` that raises an alarm whenever a feature has a sample, whatever it is."""

    def __init__(self, *features: Feature, **config: object) -> None:
        made = {one.name for one in DetectConfig(features=features, **config).features_in_use}
        told = "|".join(sorted(made))
        rule = Rule(match=Selector(metric=told), detector="static", params={"upper": -1e12})
        self.config = DetectConfig(
            features=features, rules=(rule,),
            default=Rule(detector="static", params={"upper": 1e12}), **config,
        )  # fmt: skip
        self.detecting = Detecting(self.config)
        self.minute = 0

    def scrape(self, values: dict[SeriesHead, float] | list[tuple[SeriesHead, float]]) -> dict:
        """Tell one scrape, a minute after the one before, in one event; return what was made."""
        pairs = list(values)
        self.minute += 1
        time = START + self.minute * MINUTE
        rows = tuple((at, time, float(value)) for at, (_, value) in enumerate(pairs))
        heads = tuple(one for one, _ in pairs)
        self.counts = self.detecting.tell(Samples(series=heads, samples=rows), time)
        found = self.detecting.found()
        self.labels = {one.metric: one.labels for one in found}
        return {one.metric: pytest.approx(one.value) for one in found}


def test_a_ratio_of_counters_is_that_of_what_they_grew_by() -> None:
    world = World(ERRORS)
    assert world.scrape([(requests("200"), 1_000), (requests("500"), 10)]) == {}
    assert world.scrape([(requests("200"), 1_090), (requests("500"), 20)]) == {"error_ratio": 0.1}
    assert world.labels["error_ratio"] == {"service": "cart"}
    assert world.scrape([(requests("200"), 1_190), (requests("500"), 20)]) == {"error_ratio": 0.0}


def test_without_requests_there_is_no_ratio() -> None:
    world = World(ERRORS)
    world.scrape([(requests("200"), 1_000), (requests("500"), 10)])
    assert world.scrape([(requests("200"), 1_000), (requests("500"), 10)]) == {}
    world = World(ERRORS.model_copy(update={"least": 10.0}))
    world.scrape([(requests("200"), 0), (requests("500"), 0)])
    assert world.scrape([(requests("200"), 599), (requests("500"), 1)]) == {}
    assert world.scrape([(requests("200"), 1_199), (requests("500"), 2)]) == {
        "error_ratio": 1 / 601
    }


def test_series_are_summed_over_the_label_that_tells_them_apart_and_joined_by_the_others() -> None:
    world = World(ERRORS)
    heads = [requests(code, zone=zone) for zone in "ab" for code in ("200", "404", "500", "503")]
    detecting = world.detecting
    for minute, values in enumerate(([0] * 8, [90, 5, 3, 2, 50, 0, 50, 0])):
        time = START + minute * MINUTE
        rows = tuple((at, time, float(value)) for at, value in enumerate(values))
        detecting.tell(Samples(series=tuple(heads), samples=rows), time)
    found = {one.labels["zone"]: one.value for one in detecting.found()}
    assert found == {"a": pytest.approx(0.05), "b": pytest.approx(0.5)}


def test_a_counter_that_began_anew_gives_no_ratio_and_the_next_one_again() -> None:
    world = World(ERRORS)
    world.scrape([(requests("200"), 1_000), (requests("500"), 100)])
    assert world.scrape([(requests("200"), 5), (requests("500"), 110)]) == {}
    assert world.scrape([(requests("200"), 95), (requests("500"), 120)]) == {"error_ratio": 0.1}


def test_a_series_more_or_less_is_no_growth() -> None:
    world = World(ERRORS)
    world.scrape([(requests("200"), 1_000), (requests("500"), 100)])
    more = [(requests("200"), 1_090), (requests("500"), 110), (requests("503"), 7_000)]
    assert world.scrape(more) == {}
    more = [(requests("200"), 1_180), (requests("500"), 115), (requests("503"), 7_005)]
    assert world.scrape(more) == {"error_ratio": 0.1}


def test_no_series_of_errors_is_no_ratio_unless_that_means_none() -> None:
    world = World(ERRORS)
    for value in (1_000, 1_100):
        assert world.scrape([(requests("200"), value)]) == {}
    world = World(ERRORS.model_copy(update={"absent_is_zero": True}))
    world.scrape([(requests("200"), 1_000)])
    assert world.scrape([(requests("200"), 1_100)]) == {"error_ratio": 0.0}


def test_saturation_is_usage_over_its_limit_and_a_limit_of_zero_is_none() -> None:
    world = World(MEMORY)
    used, limit = head("memory_bytes", pod="p"), head("memory_limit_bytes", pod="p")
    assert world.scrape([(used, 300), (limit, 400)]) == {"memory_saturation": 0.75}
    assert world.labels["memory_saturation"] == {"service": "cart", "pod": "p"}
    assert world.scrape([(used, 300), (limit, 0)]) == {}


def test_usage_that_is_counted_is_a_rate_over_its_limit() -> None:
    cpu = Feature(
        name="cpu_saturation", kind="saturation", of=Selector(metric="cpu_seconds_total"),
        over=Selector(metric="cpu_limit_cores"),
    )  # fmt: skip
    world = World(cpu)
    used, limit = head("cpu_seconds_total", "counter"), head("cpu_limit_cores")
    world.scrape([(used, 0), (limit, 2)])
    assert world.scrape([(used, 90), (limit, 2)]) == {"cpu_saturation": 0.75}


def test_only_what_has_the_same_labels_is_joined_unless_told_which() -> None:
    used, limit = head("memory_bytes", image="x"), head("memory_limit_bytes", unit="y")
    assert World(MEMORY).scrape([(used, 300), (limit, 400)]) == {}
    by = MEMORY.model_copy(update={"by": ("service",)})
    assert World(by).scrape([(used, 300), (limit, 400)]) == {"memory_saturation": 0.75}


def test_a_delta_is_what_was_added_since_the_sample_before() -> None:
    world = World(LAG)
    assert world.scrape([(head("lag"), 40)]) == {}
    assert world.scrape([(head("lag"), 100)]) == {"lag_delta": 60.0}
    assert world.scrape([(head("lag"), 70)]) == {"lag_delta": -30.0}
    counted = World(LAG)
    counted.scrape([(head("lag", "counter"), 40)])
    assert counted.scrape([(head("lag", "counter"), 2)]) == {}
    assert counted.scrape([(head("lag", "counter"), 5)]) == {"lag_delta": 3.0}


def test_what_does_not_come_in_one_event_for_one_time_is_counted_and_not_made_up() -> None:
    world = World(MEMORY)
    heads = (head("memory_bytes"), head("memory_limit_bytes"))
    rows = ((0, START, 300.0), (1, START + 1, 400.0))
    counts = world.detecting.tell(Samples(series=heads, samples=rows), START + 1)
    assert counts["feature_incomplete"] == 2
    assert world.detecting.found() == []


def test_the_series_it_is_made_of_are_judged_as_ever() -> None:
    world = World(MEMORY)
    world.scrape([(head("memory_bytes"), 3e12), (head("memory_limit_bytes"), 6e12)])
    assert world.counts["accepted"] == 3
    assert world.counts["anomalies"] == 3


def test_of_too_many_series_nothing_is_made() -> None:
    world = World(ERRORS)
    heads = [requests(f"5{at:02}") for at in range(MOST_PARTS + 1)]
    for value in (0, 100):
        assert world.scrape([(one, value) for one in heads]) == {}
    heads = heads[1:]
    world.scrape([(one, 200) for one in heads])
    assert world.scrape([(one, 300) for one in heads]) == {"error_ratio": 1.0}


def test_a_series_that_is_sent_under_the_name_of_a_feature_comes_before_it() -> None:
    world = World(MEMORY)
    sent = head("memory_saturation")
    values = [(head("memory_bytes"), 300), (head("memory_limit_bytes"), 400), (sent, 0.1)]
    assert world.scrape(values) == {"memory_saturation": 0.1}


def test_a_repeat_changes_nothing_and_finds_the_same() -> None:
    world = World(LAG)
    world.scrape([(head("lag"), 40)])
    fact = Samples(series=(head("lag"),), samples=((0, START + 5 * MINUTE, 100.0),))
    world.detecting.tell(fact, START + 5 * MINUTE)
    (first,) = world.detecting.found()
    assert world.detecting.tell(fact, START + 5 * MINUTE)["duplicate"] == 2
    assert world.detecting.found() == []
    assert world.scrape([]) == {}
    world.minute = 10
    assert world.scrape([(head("lag"), 110)]) == {"lag_delta": 10.0}
    assert first.value == 60.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "a b", "kind": "delta", "of": {"metric": "x"}},
        {"name": "a", "kind": "ratio", "of": {"metric": "x"}},
        {"name": "a", "kind": "delta", "of": {"metric": "x"}, "over": {"metric": "y"}},
        {"name": "a", "kind": "share", "of": {"metric": "x"}},
        {"name": "a", "kind": "saturation", "of": {}, "over": {}, "absent_is_zero": True},
    ],
)
def test_what_makes_no_sense_cannot_be_declared(wrong: dict) -> None:
    with pytest.raises(ValidationError):
        Feature.model_validate(wrong)


def test_a_set_that_does_not_exist_is_named() -> None:
    with pytest.raises(ValidationError, match="there is no 'htp'; there is http, istio"):
        DetectConfig(feature_sets=("htp",))


SHIPPED = {
    "http_error_ratio": [
        ("http_requests_total", "counter", {"code": "200"}, (0, 90)),
        ("http_requests_total", "counter", {"code": "500"}, (0, 10)),
        0.1,
    ],
    "istio_error_ratio": [
        ("istio_requests_total", "counter", {"response_code": "200"}, (0, 80)),
        ("istio_requests_total", "counter", {"response_code": "503"}, (0, 20)),
        0.2,
    ],
    "revision_error_ratio": [
        ("revision_request_count", "counter", {"response_code_class": "2xx"}, (0, 50)),
        ("revision_request_count", "counter", {"response_code_class": "5xx"}, (0, 50)),
        0.5,
    ],
    "span_error_ratio": [
        ("span_errors", "gauge", {"service": "a", "operation": "x"}, (0, 1)),
        ("span_requests", "gauge", {"service": "a", "operation": "x"}, (4, 4)),
        0.25,
    ],
    "call_error_ratio": [
        ("call_errors", "gauge", {"client": "a", "server": "b"}, (0, 1)),
        ("call_requests", "gauge", {"client": "a", "server": "b"}, (4, 2)),
        0.5,
    ],
    "log_error_ratio": [
        ("log_errors", "gauge", {"service": "a"}, (0, 1)),
        ("log_lines", "gauge", {"service": "a", "level": "info"}, (9, 9)),
        ("log_lines", "gauge", {"service": "a", "level": "error"}, (0, 1)),
        0.1,
    ],
    "container_memory_saturation": [
        ("container_memory_working_set_bytes", "gauge", {"pod": "p"}, (0, 3)),
        ("container_spec_memory_limit_bytes", "gauge", {"pod": "p"}, (4, 4)),
        0.75,
    ],
    "container_throttled_ratio": [
        ("container_cpu_cfs_throttled_periods_total", "counter", {"pod": "p"}, (0, 30)),
        ("container_cpu_cfs_periods_total", "counter", {"pod": "p"}, (0, 60)),
        0.5,
    ],
    "container_restarts_delta": [
        ("kube_pod_container_status_restarts_total", "counter", {"pod": "p"}, (4, 6)),
        2.0,
    ],
    "filesystem_available_ratio": [
        ("node_filesystem_avail_bytes", "gauge", {"mountpoint": "/"}, (1, 1)),
        ("node_filesystem_size_bytes", "gauge", {"mountpoint": "/"}, (4, 4)),
        0.25,
    ],
    "memory_available_ratio": [
        ("node_memory_MemAvailable_bytes", "gauge", {}, (1, 1)),
        ("node_memory_MemTotal_bytes", "gauge", {}, (2, 2)),
        0.5,
    ],
    "file_descriptor_saturation": [
        ("node_filefd_allocated", "gauge", {}, (1, 1)),
        ("node_filefd_maximum", "gauge", {}, (5, 5)),
        0.2,
    ],
    "process_file_descriptor_saturation": [
        ("process_open_fds", "gauge", {}, (1, 1)),
        ("process_max_fds", "gauge", {}, (10, 10)),
        0.1,
    ],
    "redis_hit_ratio": [
        ("redis_keyspace_hits_total", "counter", {}, (0, 3)),
        ("redis_keyspace_misses_total", "counter", {}, (0, 1)),
        0.75,
    ],
    "redis_memory_saturation": [
        ("redis_memory_used_bytes", "gauge", {}, (1, 1)),
        ("redis_memory_max_bytes", "gauge", {}, (4, 4)),
        0.25,
    ],
    "redis_client_saturation": [
        ("redis_connected_clients", "gauge", {}, (5, 5)),
        ("redis_config_maxclients", "gauge", {}, (10, 10)),
        0.5,
    ],
    "consumer_lag_delta": [("kafka_consumergroup_lag", "gauge", {"topic": "t"}, (5, 9)), 4.0],
}


def test_every_feature_that_is_shipped_is_tried() -> None:
    assert {one.name for features in SETS.values() for one in features} == set(SHIPPED)
    assert all(one.about for features in SETS.values() for one in features)


@pytest.mark.parametrize("name", SHIPPED)
def test_what_is_shipped_gives_what_it_says(name: str) -> None:
    *parts, expected = SHIPPED[name]
    (belongs,) = (key for key, features in SETS.items() if name in {one.name for one in features})
    world = World(feature_sets=(belongs,))
    heads = [head(metric, kind, **labels) for metric, kind, labels, _ in parts]
    for at in (0, 1):
        found = world.scrape([(h, part[3][at]) for h, part in zip(heads, parts, strict=True)])
    assert found[name] == expected


SIZES = st.lists(st.integers(0, 1_000), min_size=2, max_size=2)


@settings(max_examples=60, deadline=None)
@given(st.lists(SIZES, min_size=2, max_size=12))
def test_a_ratio_of_a_part_to_the_whole_lies_between_none_and_all(
    grown: list[list[int]],
) -> None:
    world = World(ERRORS)
    good = bad = 0
    for more_good, more_bad in grown:
        good, bad = good + more_good, bad + more_bad
        found = world.scrape([(requests("200"), good), (requests("500"), bad)])
        if world.minute > 1 and more_good + more_bad:
            assert found == {"error_ratio": more_bad / (more_good + more_bad)}
        else:
            assert found == {}
