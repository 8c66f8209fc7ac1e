"""What came of a run, read from the topics, from Redis and from the receiver."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import redis
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from aiops import topics
from aiops.action_log import SLOTS, ActionRecord
from aiops.adapters.keys import Keys
from aiops.errors import Unavailable
from aiops.events import ActionFinished, Incident, WorkDue
from aiops.incident_store import Record
from aiops.series import SHARDS
from local.chaos.waiting import DOMAIN
from local.receiving import Message

READ = (topics.ANOMALIES, topics.INCIDENTS, topics.ACTIONS, topics.DEAD_LETTERS)
_POLL_MS = 300


@dataclass(slots=True)
class Outcome:
    """Everything that is compared.

    Attributes:
        anomalies: Content by id.
        contradictions: Ids of anomalies that were published with two contents.
        series: Digest of the stored record, by key of the series.
        incidents: As stored at the end, by id; merged ones too.
        snapshots: As published, in the order of their partition.
        members: Anomaly to the incident it was first put in.
        redirects: Merged incident to what it was merged into.
        actions: Ends of steps as published.
        messages: What the receiver accepted, in order.
        refusals: What the receiver refused.
        dead_letters: Type and reason of each.
        unpublished: Incidents of which the stored version was not published although all was quiet.
        pending: What `act` still has to do about an incident, by its id.
        left: What else was left somewhere, by what it is.
        logged: Counts from the functions' log lines, `function word`.
    """

    anomalies: dict[str, str] = field(default_factory=dict)
    contradictions: set[str] = field(default_factory=set)
    series: dict[str, str] = field(default_factory=dict)
    incidents: dict[str, Record] = field(default_factory=dict)
    snapshots: list[Incident] = field(default_factory=list)
    members: dict[str, str] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    actions: list[ActionFinished] = field(default_factory=list)
    messages: tuple[Message, ...] = ()
    refusals: tuple[str, ...] = ()
    dead_letters: list[str] = field(default_factory=list)
    unpublished: list[str] = field(default_factory=list)
    pending: dict[str, ActionRecord] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    logged: Counter[str] = field(default_factory=Counter)


def read_topics(outcome: Outcome, bootstrap: str, partitions: Mapping[str, int]) -> None:
    """Add what is on the topics.

    Raises:
        Unavailable: the broker does not answer.
    """
    try:
        consumer = KafkaConsumer(
            bootstrap_servers=bootstrap.split(","), auto_offset_reset="earliest"
        )
        places = [TopicPartition(name, n) for name in READ for n in range(partitions[name])]
        consumer.assign(places)
        ends = consumer.end_offsets(places)
        more = True
        while more or any(consumer.position(place) < ends[place] for place in places):
            some = consumer.poll(_POLL_MS)
            more = bool(some)
            for found in some.values():
                for record in found:
                    _take(outcome, record.topic, record.value, dict(record.headers))
        consumer.close()
    except KafkaError as error:
        raise Unavailable(f"Kafka: {error!r}") from error


def _take(outcome: Outcome, topic: str, value: bytes, headers: Mapping[str, bytes]) -> None:
    if topic == topics.ANOMALIES:
        if headers.get("ce_type", b"").decode() == WorkDue.type:
            return
        for anomaly in json.loads(value)["anomalies"]:
            content = json.dumps(anomaly, sort_keys=True)
            if outcome.anomalies.setdefault(anomaly["id"], content) != content:
                outcome.contradictions.add(anomaly["id"])
    elif topic == topics.INCIDENTS:
        outcome.snapshots.append(Incident.model_validate_json(value))
    elif topic == topics.ACTIONS:
        outcome.actions.append(ActionFinished.model_validate_json(value))
    else:
        kind = headers.get("ce_type", b"").decode()
        code = headers.get("ce_knativeerrorcode", b"no answer").decode()
        outcome.dead_letters.append(f"{kind}: {code}")


def read_redis(outcome: Outcome, url: str) -> None:
    """Add what is stored.

    Raises:
        Unavailable: Redis does not answer.
    """
    keys = Keys()
    names = keys.incidents(DOMAIN)
    client: Any = redis.Redis.from_url(url, socket_timeout=10)
    try:
        for shard in range(SHARDS):
            prefix = keys.series(shard, "")
            found = list(client.scan_iter(match=f"{prefix}*", count=1_000))
            for key, content in zip(found, client.mget(found) if found else (), strict=True):
                name = key.decode().removeprefix(prefix)
                outcome.series[name] = blake2b(content or b"", digest_size=8).hexdigest()
        outcome.members = _texts(client.hgetall(names[2]))
        outcome.redirects = _texts(client.hgetall(names[5]))
        for name, text in client.hgetall(names[4]).items():
            outcome.incidents[name.decode()] = Record.model_validate_json(text)
        for slot in range(SLOTS):
            for name in client.zrange(keys.action_due(slot), 0, -1):
                text = client.hget(keys.action_record(slot, name.decode()), "record")
                record = ActionRecord.model_validate_json(text) if text else None
                outcome.pending[name.decode()] = record or ActionRecord(incident=name.decode())
    except redis.RedisError as error:
        raise Unavailable(f"Redis: {error!r}") from error
    finally:
        client.close()


def read_logs(outcome: Outcome, folder: Path) -> None:
    """Add up what the functions say of their requests, one line of JSON each."""
    for log in folder.glob("*.log"):
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
            if not line.startswith("{"):
                continue
            try:
                said = json.loads(line)
            except ValueError:  # a line that a kill cut short
                continue
            function = said.pop("function", "")
            outcome.logged[f"{function} {said.pop('status', '')}"] += 1
            said.pop("milliseconds", None)
            for word, amount in said.items():
                if isinstance(amount, int):
                    outcome.logged[f"{function} {word}"] += amount


def _texts(found: Mapping[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): text.decode() for name, text in found.items()}
