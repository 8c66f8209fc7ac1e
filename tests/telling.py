"""Deliveries of every channel to stand-ins, for tests."""

import time
from collections.abc import Mapping
from typing import Any

from aiops import plugins
from aiops.action_log import Step, step_id
from aiops.clock import SystemClock
from aiops.events import Incident
from functions.act.answer import Answer
from functions.act.channel import Channel, Delivery
from functions.act.sender import CALL_SECONDS, Calls, HttpSender
from functions.act.wiring import CHANNELS
from tests.incidents import ID, START, evidence, incident, suspect
from tests.sending import local_sender

ATTACK = (
    "<!channel> <!here> <@U1> @here *bold* `code` ~gone~ _it_ <http://evil|click> & $(reboot)"
    " {{ secrets }} ${PATH} [x](http://evil/) http://169.254.169.254/latest/meta-data/\n> quoted"
)
CONSOLE = "https://console.example.com/i/"


def opened(name: str, environment: Mapping[str, str]) -> Channel:
    """Return a channel with its settings."""
    plugin = plugins.load(CHANNELS, name, "Channel")
    values = {key: environment[key] for key in plugin.needs}
    channel: Channel = plugin(
        values | {key: environment.get(key, d) for key, d in plugin.takes.items()}
    )
    return channel


def step(name: str, kind: str = "opened", **changes: Any) -> Step:
    """Return a step of a channel."""
    values: dict[str, Any] = {
        "id": step_id(ID, 1, name, kind, 0),  # type: ignore[arg-type] # as the test says
        "incident": ID,
        "generation": 1,
        "channel": name,
        "kind": kind,
        "level": 0,
        "reason": "severity rose from 3 to 4",
        "version": 1,
        "severity": 4,
        "survivor": None,
        "planned_at": START,
        "next_at": START,
    }
    return Step(**values | changes)


def tell(
    channel: Channel,
    one: Step,
    about: Incident | None = None,
    *,
    sender: HttpSender | None = None,
    seconds: float = CALL_SECONDS,
    sent_at: int | None = None,
    receipt: Mapping[str, str] | None = None,
) -> Answer:
    """Deliver a step over real sockets, as the performer does."""
    now = SystemClock().now() // 1000 if sent_at is None else sent_at
    delivery = Delivery(one, about or incident(), now, receipt or {})
    ends = time.monotonic() + seconds
    return channel.deliver(delivery, Calls(sender or local_sender(), time.monotonic, ends))


def hostile() -> Incident:
    """Return an incident whose every text was written by an attacker."""
    return incident(
        title=ATTACK,
        domain=ATTACK,
        services=(ATTACK,),
        blast_radius=(ATTACK,),
        severity_reasons=(ATTACK,),
        root_cause=(suspect(ATTACK, ATTACK, ATTACK),),
        evidence=(evidence(ATTACK, ATTACK, labels={ATTACK: ATTACK}, reason=ATTACK),),
        merged_into=ATTACK,
        acknowledged_by=ATTACK,
        resolved_by=ATTACK,
    )
