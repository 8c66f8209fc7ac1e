"""`python -m functions.exporter.canary`: 0 where one came through, 1 where not, 2 where none left.

It prints JSON: the run, seconds by stage, and the first stage that was not passed.
"""

import argparse
import json
import sys
import uuid

from aiops.adapters.keys import Keys
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_counters import RedisCounters
from aiops.counters import CANARIES, field_of
from aiops.errors import AiopsError
from aiops.settings import Settings
from functions.exporter.canary.sending import send

SECONDS = 120.0


def main() -> int:
    """Send one, count how it ended, and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long it may take")
    seconds: float = parser.parse_args().seconds
    try:
        settings = Settings.from_env()
        journey = send(settings.kafka_bootstrap_servers, settings.clock, seconds)
    except AiopsError as error:
        _print({"error": str(error)})
        return 2
    _count(settings, "lost" if journey.missed else "arrived")
    told = {stage: round(passed, 2) for stage, passed in journey.seconds.items()}
    _print({"run": journey.run, "seconds": told, "missed": journey.missed})
    return 1 if journey.missed else 0


def _print(line: dict[str, object]) -> None:
    sys.stdout.write(f"{json.dumps(line)}\n")


def _count(settings: Settings, outcome: str) -> None:
    """Add it to the totals; what cannot be counted is said, and changes nothing."""
    counters = RedisCounters(connect(settings.redis_url), Keys(settings.generation))
    try:
        counters.add(uuid.uuid4().hex, 1, {field_of(CANARIES, (outcome,)): 1})
    except AiopsError as error:
        sys.stderr.write(f"not counted: {error}\n")


if __name__ == "__main__":
    sys.exit(main())
