"""Values as people read them."""

import pytest

from functions.detect.config import DetectConfig
from functions.detect.units import shown, unit_of, with_units
from tests.detecting import START, Detecting, minutes, noise


@pytest.mark.parametrize(
    ("metric", "counter", "value", "expected"),
    [
        ("container_memory_working_set_bytes", False, 1.2 * 2**30, "1.2 GiB"),
        ("node_network_receive_bytes_total", True, 3 * 2**20, "3 MiB/s"),
        ("request_duration_p95_seconds", False, 0.0351, "35.1 ms"),
        ("request_duration_p95_seconds", False, 0.0, "0 s"),
        ("job_age_seconds", False, 13_200.0, "3.67 h"),
        ("job_age_seconds", False, -7e5, "-8.1 d"),
        ("process_cpu_seconds_total", True, 0.25, "250 ms/s"),
        ("latency_milliseconds", False, 12.0, "12 ms"),
        ("request_error_ratio", False, 0.0213, "2.13 %"),
        ("cpu_percent", False, 93.0, "93 %"),
        ("room_celsius", False, 21.5, "21.5 °C"),
        ("http_requests_total", True, 12.5, "12.5/s"),
        ("requests_per_second", False, 12.5, "12.5/s"),
        ("queue_length", False, 7.0, "7"),
    ],
)
def test_the_unit_stands_in_the_metrics_name(metric, counter, value, expected) -> None:
    assert shown(value, unit_of(metric, counter=counter)) == expected


def test_a_sentence_tells_its_quantities_in_their_unit_and_nothing_else() -> None:
    text = "1.28849e+09 is 4.1 deviations above the usual 3.14573e+08, for 3 samples or more"
    told = with_units(text, "bytes", 1.28849e9, (314_572_800.0, 3.0, 4.1))
    assert told == ("1.2 GiB is 4.1 deviations above the usual 300 MiB, for 3 samples or more")
    band = "89 is below what is usual at this time, 90 to 110"
    assert with_units(band, "seconds", 89.0, (100.0, 90.0, 110.0)) == (
        "89 s is below what is usual at this time, 90 s to 110 s"
    )
    assert with_units(text, "", 1.28849e9, ()) == text


def test_an_anomaly_is_explained_in_its_unit() -> None:
    detecting = Detecting(DetectConfig())
    head = {"metric": "memory_bytes", "labels": {"service": "shop"}}
    from aiops.events import SeriesHead

    values = [*(noise(200) * 3e6), 1.2 * 2**30]
    (found,) = detecting.feed(minutes(START, values), head=SeriesHead(**head))
    assert found.reason.startswith("1.2 GiB is ")
    assert "above the usual 28" in found.reason
    assert " MiB" in found.reason
