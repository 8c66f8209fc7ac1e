"""What a record costs and where it lies: from what was measured, and from the manifests."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from aiops.series import SHARDS
from bench import report
from local import manifests
from local.functions import ROOT

BATCH = 500
"""Samples of a record, as this project sends them."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one request asks of an instance.

    Attributes:
        processor: Seconds of the instance's core.
        waiting: Seconds in which it needs no core: for Redis, for the broker.
        hops: Seconds on its way from the source to the instance and back.
    """

    processor: float
    waiting: float
    hops: float


def work(samples: int, figures: Mapping[str, str | int | float], hops: float) -> Work:
    """Return what a record of `samples` costs, between two records that were measured.

    500 samples, each batch of other series than the one before; and one sample. What does not
    depend on the core is what one connection takes beyond two: the same for records of any size.
    """
    full = BATCH / float(figures["detect_mixed_batches_samples_per_second"])
    single = 1 / float(figures["format_one_sample_records_per_second"])
    busy = BATCH / float(figures["detect_samples_per_second"])
    waiting = float(figures["batch_milliseconds"]) / 1000 - busy
    share = (samples - 1) / (BATCH - 1)
    return Work(single + share * (full - single), waiting, hops)


def measured(samples: int, hops: float) -> Work:
    """Return what a record of `samples` costs by bench/results.json."""
    return work(samples, report.read(), hops)


@cache
def partitions(topic: str) -> int:
    """Return how many partitions a topic has, knative/base/kafkatopic.yaml."""
    topics = manifests.load(ROOT / "knative" / "base").topics
    return next(each.spec.partitions for each in topics if each.metadata.name == topic)


@cache
def lanes(count: int) -> tuple[int, ...]:
    """Return the partition of each shard: records are keyed by it."""
    from kafka.partitioner.default import murmur2

    return tuple((murmur2(str(shard).encode()) & 0x7FFFFFFF) % count for shard in range(SHARDS))
