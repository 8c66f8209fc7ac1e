"""Samples per second of each format: decoded alone, and through `detect`; and a record a sample.

Records hold 500 samples of series of all shards, as producers send them who know nothing of ours.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import numpy as np

from aiops.events import SeriesHead
from aiops.series import SeriesMap
from bench.load import drive
from bench.machine import on_cores, two_cores
from bench.rounds import Way, medians, taking_turns
from bench.tally import Tally
from bench.warm import warm_up
from bench.workload import DEVIATION, LEVEL, STEP_MS, Sweeps, groups
from bench.world import World
from bench.written import FORMATS, Reading, Write, adapter
from functions.detect.config import DetectConfig
from functions.detect.naming import Naming
from functions.detect.reading import SampleReader
from functions.detect.sniffing import Decoder
from functions.detect.sources import Encoding
from local.delivery.cloudevent import Record, numbered, to_http, wrapped
from local.functions import FunctionProcess

GROUPS = 16
SWEEPS = 2
CONNECTIONS = 2
ALONE = 16
"""Connections for records of one sample: as many as the function takes at a time, twice."""

SOURCE = "/apis/v1/namespaces/aiops/kafkasources/metrics-to-detect"
PROTOBUF = ("content-type", b"application/x-protobuf")


@dataclass(slots=True)
class Producer:
    """Writes one sweep after the other, each later than the one before, whatever the format.

    Attributes:
        heads: Series, by record.
        now: Time of the next sweep, unix milliseconds.
    """

    heads: Sequence[Sequence[SeriesHead]]
    now: int
    _random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(1))

    def sweep(self, write: Write) -> list[bytes]:
        """Return the next sweep as records."""
        values = self._random.normal(LEVEL, DEVIATION, (len(self.heads), len(self.heads[0])))
        found = [
            write([Reading(*one) for one in zip(heads, mine, strict=True)], self.now)
            for heads, mine in zip(self.heads, values.tolist(), strict=True)
        ]
        self.now += STEP_MS
        return found

    def requests(self, url: str, write: Write, encoding: Encoding, sweeps: int) -> list[bytes]:
        """Return the next sweeps as KafkaSource delivers records, in order of time."""
        return [
            _request(url, data, encoding, self.now - STEP_MS)
            for _ in range(sweeps)
            for data in self.sweep(write)
        ]


def measure(now: int) -> dict[str, float]:
    """Return samples per second of each format, and records per second of one sample.

    Args:
        now: The latest time a sample may have, unix milliseconds.
    """
    core, other = two_cores()
    sweeps = Sweeps(groups(GROUPS), now - 2_000 * STEP_MS)
    with on_cores({core}):
        found = _decoding(Producer(_mixed(sweeps.groups), now - STEP_MS))
    with on_cores({other}), World({other}) as world:
        process = world.function("detect", {core})
        warm_up(process.url, world.redis.url, sweeps)
        producer = Producer(_mixed(sweeps.groups), sweeps.now)
        ways: dict[str, Way] = {
            f"format_{name}_detect_samples_per_second": _through(process, producer, *how)
            for name, how in FORMATS.items()
        }
        ways["format_one_sample_records_per_second"] = _one_by_one(process, producer)
        for way in ways.values():
            way(0)
        found |= medians(taking_turns(ways))
    return found


def _mixed(given: Sequence[Sequence[SeriesHead]]) -> list[list[SeriesHead]]:
    """Return records that hold series of every group."""
    every = [head for heads in zip(*given, strict=True) for head in heads]
    size = len(given[0])
    return [every[start : start + size] for start in range(0, len(every), size)]


def _decoding(producer: Producer) -> dict[str, float]:
    """Return samples per second of processor time, from bytes to columns."""
    config = DetectConfig()
    parts = Decoder(config), Naming(config.kind_of), SampleReader(SeriesMap(), config.rule_for)
    ways: dict[str, Way] = {}
    for name, (write, encoding) in FORMATS.items():
        read = _reading(*parts, name, encoding)
        ways[f"format_{name}_decoded_samples_per_second"] = _timed(producer.sweep(write), read)
    for way in ways.values():
        way(0)
    return medians(taking_turns(ways))


def _reading(
    decoder: Decoder, naming: Naming, reader: SampleReader, name: str, encoding: Encoding
) -> Callable[[bytes], int]:
    def native(data: bytes) -> int:
        columns = reader.read(data)
        return 0 if columns is None else len(columns.time)

    def foreign(data: bytes) -> int:
        return len(reader.gathered(decoder.decode(data, encoding, 0), naming).time)

    return native if name == "native" else foreign


def _timed(records: Sequence[bytes], read: Callable[[bytes], int]) -> Way:
    def way(_: int) -> float:
        began = time.process_time()
        samples = sum(read(data) for _ in range(5) for data in records)
        return samples / (time.process_time() - began)

    return way


def _through(process: FunctionProcess, producer: Producer, write: Write, encoding: Encoding) -> Way:
    def way(_: int) -> float:
        requests = producer.requests(process.url, write, encoding, SWEEPS)
        samples = SWEEPS * sum(map(len, producer.heads))
        tally = Tally(process.log)
        timing = drive(process.url, requests, CONNECTIONS, len(producer.heads))
        tally.all_accepted(samples)
        return samples / timing.seconds

    return way


def _one_by_one(process: FunctionProcess, producer: Producer) -> Way:
    """Return the way of records of one sample each, as many of them as one batch holds."""
    alone = Producer([[head] for head in producer.heads[0]], 0)

    def way(_: int) -> float:
        alone.now = producer.now
        requests = alone.requests(process.url, adapter, "json", 1)
        producer.now = alone.now
        tally = Tally(process.log)
        timing = drive(process.url, requests, ALONE, len(requests))
        tally.all_accepted(len(requests))
        return len(requests) / timing.seconds

    return way


def _request(url: str, data: bytes, encoding: Encoding, at: int) -> bytes:
    """Return a record as KafkaSource posts it, head and body in one piece."""
    headers = [PROTOBUF] if encoding == "otlp_proto" else []
    record = Record("metrics", 0, 0, at, None, data, headers)
    event = numbered(wrapped(record, SOURCE), record)
    fields = {
        "Host": urlsplit(url).netloc,
        "Content-Length": str(len(data)),
        **to_http(event),
    }
    lines = "".join(f"{name}: {text}\r\n" for name, text in fields.items())
    return f"POST / HTTP/1.1\r\n{lines}\r\n".encode() + data
