"""Records decoded as `detect` does it: what is taken of them, and what is dropped and why."""

from collections import Counter
from functools import lru_cache
from pathlib import Path

from aiops.plugins import available
from aiops.ports import Counts
from aiops.series import SeriesMap
from functions.detect.batch import take
from functions.detect.config import DetectConfig
from functions.detect.naming import Naming
from functions.detect.reading import SampleReader
from functions.detect.sniffing import FORMATS, Decoder
from functions.detect.sources import Encoding

GOLDEN = Path(__file__).parent / "golden"
NOW = 1_767_225_600_000

Taken = tuple[str, dict[str, str], str, int, float]
"""Metric, labels, kind, unix milliseconds, value."""


@lru_cache(maxsize=8)
def parts(config: str = "{}") -> tuple[Decoder, Naming, SampleReader]:
    read = DetectConfig.model_validate_json(config)
    return Decoder(read), Naming(read.kind_of), SampleReader(SeriesMap(), read.rule_for)


def decoded(
    data: bytes, encoding: Encoding = "json", time: int = NOW, config: str = "{}"
) -> tuple[list[Taken], Counts]:
    """Return the samples of a record that reach their detectors, and what does not.

    Raises:
        Rejected: it cannot be read.
    """
    decoder, naming, reader = parts(config)
    found = decoder.decode(data, encoding, time)
    batch, counts = take(reader.gathered(found, naming), time, 300_000, 7 * 86_400_000)
    taken: list[Taken] = []
    for row, at, value in zip(
        batch.row.tolist(), batch.time.tolist(), batch.value.tolist(), strict=True
    ):
        series = batch.named(row)
        kind = "counter" if batch.counter[row] else "gauge"
        taken.append((series.metric, dict(series.labels), kind, at, value))
    return taken, +(Counter(found.dropped) + counts)


def encoding_of(path: Path) -> Encoding:
    return "otlp_proto" if path.suffix == ".bin" else "json"


def goldens() -> list[Path]:
    found = [path for name in available(FORMATS) for path in (GOLDEN / name).glob("*")]
    return sorted(path for path in found if path.suffix != ".expected")
