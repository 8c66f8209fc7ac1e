"""Work done once for an object: the same answer as without, and never another object's."""

from aiops.events import Incident
from aiops.evidence_json import json_of
from aiops.incident_store import Record
from aiops.once import MOST, Once
from tests.incidents import evidence, incident


def test_the_function_is_asked_once_for_each_object():
    asked = []
    once = Once(lambda subject: asked.append(subject) or len(asked))
    one, other = [1], [1]
    assert [once(one), once(other), once(one), once(other)] == [1, 2, 1, 2]


def test_an_object_that_took_the_place_of_another_is_not_taken_for_it():
    once = Once(lambda subject: subject[0])
    assert [once([number]) for number in range(2 * MOST)] == list(range(2 * MOST))


def test_the_json_of_a_snapshot_reads_back_as_the_snapshot():
    for one in (incident(), incident(2, evidence=())):
        for _ in range(2):
            assert Incident.model_validate_json(json_of(one)) == one


def test_the_json_of_a_record_reads_back_as_the_record():
    pieces = (evidence("cart", "cpu"), evidence("shop", "latency", 3, labels={"pod": "ü\u2028"}))
    record = Record(id="i", domain="d", spans=((1, 2),), anomalies=4, evidence=pieces)
    assert Record.model_validate_json(json_of(record)) == record
