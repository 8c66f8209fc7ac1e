"""`aiops record`: writes a folder of what was, which `aiops replay` reads."""

import argparse
import json
from pathlib import Path

from aiops.adapters.prometheus import Metrics
from aiops.call_table import listed
from aiops.clock import SystemClock
from aiops.errors import Misconfigured
from aiops.events import Call
from aiops.series import SeriesMap
from aiops.settings import read_config, read_section
from aiops.topology import Topology
from functions.collect.asking import Question
from functions.collect.config import CollectConfig
from functions.collect.gathering import read, union
from local.dead_letters.arguments import since
from local.past import Past, asked, prometheus_of
from local.places import add_config, add_json, add_prometheus
from local.progress import progress
from local.recorder import Recorder


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("record", help="write a recording of what Prometheus knows")
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder to write")
    add_prometheus(parser)
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
    told = {
        "folder": str(options.out),
        "series": len(written.heads),
        "samples": len(written.time),
        "calls": len(written.calls),
        "dropped": {word: n for word, n in past.counts.items() if word != "samples" and n},
    }
    if options.json:
        print(json.dumps(told))
    else:
        print(f"{told['folder']}: {told['series']} series, {told['samples']} samples")
        print(f"{told['calls']} calls between services; replay it with: aiops replay {options.out}")
    return 0


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
