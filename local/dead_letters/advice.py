"""What to do about a letter, in words, and what publishing it again does."""

from aiops import topics
from local.dead_letters.letter import Letter
from local.dead_letters.plan import is_final
from local.dead_letters.routes import Route

EFFECT = {
    topics.METRICS: (
        "samples: a series takes only what is newer than the last it accepted, the rest is "
        "counted as late; to score a stretch of time again, process the topic under another "
        "AIOPS_GENERATION"
    ),
    topics.ANOMALIES: (
        "anomalies: those known already change nothing, those more than 24 hours before the "
        "newest are counted as too old, others join their incidents as if they came in order"
    ),
    topics.INCIDENTS: (
        "incident snapshots: one that is not newer than what act has seen changes nothing, and "
        "no step is sent twice"
    ),
    topics.CONTROL: (
        "commands, changes, topologies, verdicts and models hold as of their own time; a request "
        "for a model that was served since is not served again; a tick does no harm, and the next "
        "one does its work anyway"
    ),
}
"""What an event published again leads to, by topic."""


def advice(letter: Letter, route: Route | None) -> list[str]:
    """Return what to do about a letter, a sentence each."""
    if letter.event is None:
        return ["It is no CloudEvent, so no source or Trigger put it here: look for who did."]
    said = [_cause(letter)]
    if route is None:
        said.append("It cannot be published again: no source or Trigger can have delivered it.")
        return said
    if letter.redriven:
        said.append(f"It was published again before, {letter.redriven} times, and came back.")
    said.append(f"Published again to {route.topic} it has this effect: {_effect(route)}.")
    return said


def _effect(route: Route) -> str:
    return EFFECT.get(route.topic, "every subscriber of the topic gets it again, by the same id")


def _cause(letter: Letter) -> str:
    who = letter.service or "The subscriber"
    if letter.code is None:
        return f"{who} did not answer for longer than the retries last: redrive once it does."
    if is_final(letter):
        return (
            f"{who} answered {letter.code}, which is final: the event is wrong and stays wrong. "
            "Mend its sender; publish it again only if what refused it was changed (--force)."
        )
    if letter.code == 500:
        return f"{who} met a bug of its own: its log has the traceback. Redrive once it is mended."
    return (
        f"{who} answered {letter.code} for longer than the retries last, because something it "
        "depends on was away: redrive once that is back."
    )
