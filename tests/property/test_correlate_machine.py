"""P4 against a plain model, step by step, and the mistakes the comparison must catch."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from aiops import plugins
from aiops.adapters.memory_incidents import MemoryIncidents
from functions.correlate import arrivals, atlas, incident
from functions.correlate.known import Known
from functions.correlate.linking import Linker
from tests.property import correlate_world as world
from tests.property.correlate_machine import CorrelateMachine, Witness

QUICK = settings(
    max_examples=40,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
DEEP = settings(QUICK, max_examples=300, stateful_step_count=40, derandomize=False)
SEARCH = settings(QUICK, max_examples=300, phases=[Phase.generate], database=None)


def test_whatever_happens_ends_as_a_reader_who_keeps_everything_says():
    run_state_machine_as_test(CorrelateMachine, settings=QUICK)


@pytest.mark.slow
def test_whatever_happens_for_long_ends_as_a_reader_who_keeps_everything_says():
    run_state_machine_as_test(CorrelateMachine, settings=DEEP)


def caught(machine=CorrelateMachine) -> bool:
    """Return whether the comparison fails within so many runs."""
    try:
        run_state_machine_as_test(machine, settings=SEARCH)
    except (AssertionError, KeyError):
        return True
    return False


def over(store: type[MemoryIncidents]) -> type[CorrelateMachine]:
    return type(f"Over{store.__name__}", (CorrelateMachine,), {"store_type": store})


def configured(**changes) -> type[CorrelateMachine]:
    """Return a machine whose functions decide by another configuration than the model."""
    config = world.CONFIG.model_copy(update=changes)

    def make(store, publisher, clock):
        made = world.make(store, publisher, clock, config)
        correlators = [
            plugins.load("functions.correlate.correlators", name, "Correlator")(config)
            for name in config.correlators
        ]
        linker = Linker(correlators, config.threshold)
        return replace(made, arrivals=replace(made.arrivals, linker=linker))

    return type("Otherwise", (CorrelateMachine,), {"make": staticmethod(make)})


class IgnoresTheRevision(Witness):
    def commit(self, commit):
        return Witness.commit(self, replace(commit, revision=self.revision))


class ForgetsSightings(Witness):
    def commit(self, commit):
        return Witness.commit(self, replace(commit, sightings=commit.sightings[:1]))


class LosesRedirects(Witness):
    def commit(self, commit):
        done = Witness.commit(self, commit)
        self.redirect.clear()
        return done


class LosesCells(Witness):
    def commit(self, commit):
        return Witness.commit(self, replace(commit, cells=commit.cells[:1]))


class KeepsNoChanges(Witness):
    def changes(self, since, until):
        return ()


@pytest.mark.parametrize(
    "store", [IgnoresTheRevision, ForgetsSightings, LosesRedirects, LosesCells, KeepsNoChanges]
)
def test_a_store_that_breaks_the_protocol_is_caught(store):
    assert caught(over(store))


@pytest.mark.parametrize(
    "changes",
    [
        {"recur_within": world.CONFIG.recur_within + 90},
        {"recur_within": world.CONFIG.window},
        {"window": world.CONFIG.window + 30},
        {"resolve_after": world.CONFIG.resolve_after - 60},
        {"hub_degree": 1},
    ],
    ids="-".join,
)
def test_another_hold_window_or_threshold_than_configured_is_caught(changes):
    assert caught(configured(**changes))


def test_a_bridge_that_does_not_merge_is_caught(monkeypatch):
    genuine = arrivals.take_in

    def take_in(domain, sighted, components, records, config):
        apart = [replace(part, incidents=part.incidents[:1]) for part in components]
        return genuine(domain, sighted, apart, records, config)

    monkeypatch.setattr(arrivals, "take_in", take_in)
    assert caught()


def test_a_younger_survivor_is_caught(monkeypatch):
    genuine = incident.merge

    def merge(records, config):
        first, *others = sorted(records, key=lambda record: (record.opened_at, record.id))
        if not others:
            return genuine([first], config)
        survivor, _ = genuine([others[0]], config)
        absorbed = incident.absorb(survivor, first, config)
        gone = {"status": "merged", "merged_into": survivor.id, "notify_from": None}
        return absorbed, tuple(r.model_copy(update=gone) for r in (first, *others[1:]))

    monkeypatch.setattr(incident, "merge", merge)
    assert caught()


def test_an_end_without_regard_to_what_was_processed_is_caught(monkeypatch):
    genuine = incident.settle

    def settle(record, processed_until, config):
        return genuine(record, max(processed_until, record.last + 400_000), config)

    monkeypatch.setattr(incident, "settle", settle)
    assert caught()


def test_a_topology_that_holds_at_once_is_caught(monkeypatch):
    def valid_from(observed, version, view, delay):
        known = view.topologies
        return None if known and known[-1][1] == version else observed.observed_at

    monkeypatch.setattr(atlas, "valid_from", valid_from)
    assert caught()


def test_commands_lost_in_a_merge_are_caught(monkeypatch):
    genuine = incident.absorb

    def absorb(record, other, config):
        return genuine(record, other.model_copy(update={"orders": ()}), config)

    monkeypatch.setattr(incident, "absorb", absorb)
    assert caught()


def test_what_a_worker_knew_before_others_committed_is_caught(monkeypatch):
    monkeypatch.setattr(Known, "holds", lambda self, view, spans: self.since is not None)
    assert caught()
