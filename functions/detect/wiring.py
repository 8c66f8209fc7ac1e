"""The real parts behind `detect`."""

from functools import partial

from aiops.adapters.kafka_publisher import KafkaPublisher
from aiops.adapters.keys import Keys
from aiops.adapters.redis_admissions import RedisAdmissions
from aiops.adapters.redis_call_sightings import RedisCallSightings
from aiops.adapters.redis_changes import RedisChanges
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_models import RedisModels
from aiops.adapters.redis_open_windows import RedisOpenWindows
from aiops.adapters.redis_replicas import replicated
from aiops.adapters.redis_series import RedisSeriesStore
from aiops.adapters.redis_span_pairs import RedisSpanPairs
from aiops.adapters.redis_verdicts import RedisVerdicts
from aiops.ports import Handler
from aiops.series import SeriesMap
from aiops.settings import Settings
from functions.detect.caps import Caps
from functions.detect.config import DetectConfig
from functions.detect.features.forming import formed
from functions.detect.handler import DetectHandler
from functions.detect.histograms import bundled
from functions.detect.reading import SampleReader
from functions.detect.reordering.holding import Holding
from functions.detect.scoring import Scorer
from functions.detect.signals.logs.signal import LogSignal
from functions.detect.signals.traces.signal import TraceSignal
from functions.detect.sources import Signal
from functions.detect.telemetry import TelemetryHandler
from functions.detect.together import joined
from functions.detect.windows.handler import SignalReader, WindowHandler
from functions.detect.windows.telling import Telling


def build(settings: Settings) -> Handler:
    """Return the handler over Redis and Kafka."""
    config = settings.section("detect", DetectConfig)
    keys = Keys(settings.generation)
    client = connect(settings.redis_url)
    names = settings.section("series", SeriesMap)
    rate = settings.clock.rate
    publisher = KafkaPublisher(settings.kafka_bootstrap_servers)
    ordered = Keys(settings.generation, "r")
    holding = Holding(
        config,
        RedisSeriesStore(client, ordered, rate),
        RedisOpenWindows(client, ordered),
        publisher,
        settings.clock,
    )
    handler = DetectHandler(
        store=RedisSeriesStore(client, keys, rate),
        publisher=publisher,
        clock=settings.clock,
        reader=SampleReader(
            names,
            config.rule_for,
            partial(bundled, config=config),
            partial(joined, names=names, config=config),
            partial(formed, names=names, config=config),
        ),
        config=config,
        scorer=Scorer(config, settings.domain),
        domain=settings.domain,
        models=RedisModels(client, keys, settings.clock),
        verdicts=RedisVerdicts(client, keys, rate),
        changes=RedisChanges(client, keys, rate),
        caps=Caps(config, RedisAdmissions(client, keys, rate)),
        holding=holding if any(rule.reorder_window for rule in config.every) else None,
    )
    counted = Keys(settings.generation, "w")
    windows = WindowHandler(
        store=RedisSeriesStore(client, counted, rate),
        index=RedisOpenWindows(client, counted),
        publisher=publisher,
        clock=settings.clock,
        telling=Telling(names, settings.domain),
        config=config.windows,
        max_future=int(config.max_future * 1000),
    )
    traces = config.traces
    pairs = RedisSpanPairs(client, keys, int(traces.pair_for * 1000), traces.max_halves, rate)
    calls = RedisCallSightings(client, keys, rate)
    readers: dict[Signal, SignalReader] = {
        "logs": LogSignal(config.logs, names, config.topics),
        "traces": TraceSignal(traces, names, config.topics, pairs, calls),
    }
    every = TelemetryHandler(handler, windows, readers)
    return replicated(every, client, settings.redis_wait)
