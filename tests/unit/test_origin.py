"""What only we may say is not taken from whoever may write telemetry."""

import pytest

from aiops import topics
from aiops.errors import Rejected
from aiops.events import ChangeObserved, Fact, ModelFitted, Samples
from aiops.ports import Event
from functions.detect.config import DetectConfig
from local.functions import ROOT
from local.manifests import load
from tests.detecting import HEAD, NAMES, START, Detecting, feedback, minutes, noise

SOURCES = load(ROOT / "knative" / "base").sources


def event(fact: Fact, **extensions: str) -> Event:
    data = fact.model_dump_json().encode()
    return Event("1", "/sender", fact.type, START, data, extensions=extensions)


def told(detecting: Detecting) -> list[Fact]:
    """Return one of everything that `detect` is told of by ourselves."""
    values = [*noise(200), 1_000.0]
    (anomaly,) = detecting.feed(minutes(START, values))[-1:]
    series = NAMES.read(HEAD).key
    return [
        feedback(anomaly, "not_anomaly", anomaly.time),
        ModelFitted(series=series, made_at=START, until=START + 1),
        ChangeObserved(service="shop", kind="deploy", summary="shop 2", observed_at=START),
    ]


def test_a_verdict_a_model_or_a_change_among_telemetry_is_refused_and_changes_nothing() -> None:
    detecting = Detecting(DetectConfig())
    for fact in told(detecting):
        before = dict(detecting.store.records)
        with pytest.raises(Rejected, match="is not taken from a topic of telemetry"):
            detecting.handler(event(fact, **topics.ORIGIN))
        assert detecting.store.records == before
        detecting.handler(event(fact))  # and is taken from where we say such things


def test_samples_are_taken_from_there() -> None:
    samples = Samples(series=(HEAD,), samples=((0, START, 1.0),))
    detecting = Detecting(DetectConfig())
    assert detecting.handler(event(samples, **topics.ORIGIN))["accepted"] == 1


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.metadata.name)
def test_sources_of_telemetry_and_no_others_say_where_it_comes_from(source) -> None:
    of_others = set(source.spec.topics) & set(topics.OF_TELEMETRY)
    assert source.spec.ce_overrides.extensions == (topics.ORIGIN if of_others else {})
    assert not of_others or of_others == set(source.spec.topics)
