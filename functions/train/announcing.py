"""What `train` tells others: a model is there, and a day was not like others. Pure."""

import numpy as np

from aiops import topics
from aiops.detection import score_of, severity_of
from aiops.events import AnomaliesDetected, Anomaly, Fact, ModelFitted
from aiops.ids import derive
from aiops.ports import Event, Message
from aiops.series import Series
from functions.train.finding import ALARM_LINE, Finding

SOURCE = "/aiops/train"
DAY_DETECTOR = "luminaire"


def model_fitted(series: str, made_at: int, until: int) -> Message:
    """Return the event that says a model is stored; a repeat has the same id."""
    fact = ModelFitted(series=series, made_at=made_at, until=until)
    return _message(topics.CONTROL, series, derive("model", series, made_at), fact, made_at)


def anomaly_of_day(found: Finding, series: Series, domain: str) -> Message:
    """Return the anomaly a day was; however often the day is looked at, it is the same one."""
    score = float(score_of(np.array([found.evidence]), np.array([ALARM_LINE]))[0])
    anomaly = Anomaly(
        id=derive("anomaly", domain, f"{DAY_DETECTOR}:day", series.key, found.time),
        domain=domain,
        series=series.key,
        metric=series.metric,
        labels=dict(series.labels),
        service=series.service,
        role=series.role,
        edge=series.edge,
        time=found.time,
        value=found.value,
        expected=found.expected,
        lower=found.lower,
        upper=found.upper,
        detector=DAY_DETECTOR,
        evidence=found.evidence,
        alarm_line=ALARM_LINE,
        score=score,
        severity=severity_of(score),
        reason=found.reason,
    )
    fact = AnomaliesDetected(anomalies=(anomaly,))
    return _message(topics.ANOMALIES, domain, derive("anomalies", anomaly.id), fact, found.time)


def _message(topic: str, key: str, name: str, fact: Fact, at: int) -> Message:
    data = fact.model_dump_json().encode()
    return Message(topic, key, Event(name, SOURCE, fact.type, at, data, subject=key))
