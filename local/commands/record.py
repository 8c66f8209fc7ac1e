"""`aiops record`: writes a folder of what was, which `aiops replay` reads.

What was is asked of Prometheus, or read from the topics of a running installation.
"""

import argparse
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiops.adapters.prometheus import Metrics
from aiops.call_table import listed
from aiops.clock import SystemClock
from aiops.errors import Misconfigured
from aiops.events import Call
from aiops.series import SeriesMap
from aiops.settings import read_config, read_section
from aiops.topics import LOGS, TRACES
from aiops.topology import Topology
from functions.collect.asking import Question
from functions.collect.config import CollectConfig
from functions.collect.gathering import read, union
from functions.detect.config import DetectConfig
from local.dead_letters.arguments import since
from local.dead_letters.reading import between
from local.overheard import TOPICS, Overheard
from local.past import Past, asked, prometheus_of
from local.places import add_broker, add_config, add_json, add_prometheus, broker_of
from local.progress import progress
from local.recorder import Recorder
from local.recording import Recording
from local.told import write_told


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "record", help="write a recording of what Prometheus knows, or of topics"
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder to write")
    add_prometheus(parser)
    parser.add_argument(
        "--topics", action="store_true",
        help=f"read {', '.join(TOPICS)} instead, as far back as Kafka keeps them",
    )  # fmt: skip
    add_broker(parser)
    parser.add_argument("--until", type=since, default=None, metavar="WHEN", help="default: now")
    add_config(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Write the recording, say what is in it, and return the exit status.

    Raises:
        Misconfigured: nobody said where Prometheus is, there is something already, or a section is
            wrong.
        Unavailable: a query has no good answer; nothing is written.
    """
    if options.out.exists() and any(options.out.iterdir()):
        raise Misconfigured(f"{options.out}: there is something already")
    sections = read_config(options.config)
    if options.topics:
        return _of_topics(options, sections)
    config = read_section(sections, "collect", CollectConfig)
    past = Past(config, read_section(sections, "series", SeriesMap))
    until = options.until or SystemClock().now() - config.delay * 1000
    times = past.times(options.since, until)
    if not times:
        raise Misconfigured("--since: nothing lies between then and the end")
    questions = asked(config, options.prometheus_url)
    recorder = Recorder()
    with progress("queries", len(questions), quiet=options.json) as advance:
        for question in questions:
            record(past, question, times, recorder)
            advance(1)
    recorder.calls = calls(config, prometheus_of(options.prometheus_url), times[-1])
    written = recorder.write(options.out)
    dropped = {word: n for word, n in past.counts.items() if word != "samples" and n}
    _tell(options, written, {"dropped": dropped})
    return 0


def _of_topics(options: argparse.Namespace, sections: Mapping[str, Any]) -> int:
    """Write the recording of what went over topics, and return the exit status."""
    overheard = Overheard(
        read_section(sections, "detect", DetectConfig), read_section(sections, "series", SeriesMap)
    )
    until = options.until or SystemClock().now()
    with progress("topics", len(TOPICS), quiet=options.json) as advance:
        for topic in TOPICS:
            for record in between(broker_of(options), topic, options.since, until):
                overheard.take(record)
            advance(1)
    written = overheard.recorder.write(options.out)
    write_told(overheard.told, options.out)
    counted = Counter(one.topic for one in overheard.told)
    more = {"lines": counted[LOGS], "spans": counted[TRACES], "changes": len(written.changes)}
    _tell(options, written, {**more, "dropped": dict(+overheard.dropped)})
    return 0


def _tell(options: argparse.Namespace, written: Recording, more: Mapping[str, Any]) -> None:
    told = {
        "folder": str(options.out),
        "series": len(written.heads),
        "samples": len(written.time),
        "calls": len(written.calls),
        **more,
    }
    if options.json:
        print(json.dumps(told))
        return
    print(f"{told['folder']}: {told['series']} series, {told['samples']} samples")
    for word in ("lines", "spans", "changes"):
        if told.get(word):
            print(f"{told[word]} {word}")
    print(f"{told['calls']} calls between services; replay it with: aiops replay {options.out}")


def record(past: Past, question: Question, times: range, recorder: Recorder) -> None:
    """Record a query.

    Raises:
        Unavailable: it has no good answer.
    """
    for piece in past.pieces(question, times):
        for _, readings in past.readings(question, piece):
            recorder.take(readings)


def calls(config: CollectConfig, metrics: Metrics, at: int) -> tuple[Call, ...]:
    """Return who called whom as of a time, as service graphs say.

    Raises:
        Unavailable: one has no good answer.
    """
    found = {
        graph.name: read(graph, metrics.query(graph.promql, at).samples, at)
        for graph in config.service_graphs
    }
    present = union(found)
    return tuple(listed(Topology.of(present, present)))
