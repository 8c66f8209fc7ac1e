"""E-mail and whatever else Apprise knows, by the addresses it has for them; an optional extra.

Receivers of this kind offer no key: a message may be shown twice after a crash, and says so. For
Slack and PagerDuty there are better channels.
Source: https://github.com/caronc/apprise/wiki
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.util import find_spec
from typing import Any, ClassVar

from aiops.action_log import Step
from aiops.errors import Misconfigured
from aiops.events import Incident
from functions.act import links, notifier, wording
from functions.act.allowed import Allowed
from functions.act.answer import Answer, answer_of, no_answer
from functions.act.channel import Delivery, Http, Payload, Repeat
from functions.act.sender import NOT_ALLOWED

MAX_TITLE = 200
MAX_BODY = 1_800
"""Characters; what the strictest of the usual receivers takes, Discord, is 2 000 in all.
Source: https://discord.com/developers/docs/resources/webhook#execute-webhook"""

_EVIDENCE_LINES = 5
_NAMES = 8
MOST_ADDRESSES = 100
"""What became of each is kept with the step."""

_ADDRESS = re.compile(r"[a-z][a-z0-9.+-]*://[^\s,]+")
_START_SECONDS = 5.0
_NO_PROTOCOL = re.compile(r"://")
_LOOKALIKES = str.maketrans({"@": "＠", "<": "‹", ">": "›", "*": "∗", "`": "ˋ", "~": "∼"})  # noqa: RUF001 - on purpose


class Channel:
    """Writes an incident as plain text to every address, each once."""

    needs: ClassVar[tuple[str, ...]] = ("APPRISE_URLS",)
    takes: ClassVar[Mapping[str, str]] = {"ALLOWED_ADDRESSES": "", **links.SETTINGS}
    repeat: ClassVar[Repeat] = "visible"

    def __init__(self, values: Mapping[str, str]) -> None:
        if find_spec("apprise") is None:
            raise Misconfigured("APPRISE_URLS: the package apprise is not installed")
        self._allowed = values["ALLOWED_ADDRESSES"]
        Allowed.parse(self._allowed)
        self._links = links.Links.parse(values)
        self._urls = values["APPRISE_URLS"].replace(",", " ").split()
        if not self._urls:
            raise Misconfigured("APPRISE_URLS: expected addresses such as mailto://")
        if len(self._urls) > MOST_ADDRESSES:
            raise Misconfigured(f"APPRISE_URLS: at most {MOST_ADDRESSES} addresses")
        for place, url in enumerate(self._urls, 1):
            if not _ADDRESS.fullmatch(url) or not self._understood(url):
                raise Misconfigured(f"APPRISE_URLS: address {place} is none that Apprise knows")

    def deliver(self, delivery: Delivery, http: Http) -> Answer:
        """Tell every address that was not told in an earlier attempt.

        The receipt holds which ones have ended, by their places in the setting.
        """
        message = self.render(delivery.step, delivery.incident)
        earlier = delivery.receipt if delivery.receipt.get("step") == delivery.step.id else {}
        ended = {
            "done": earlier.get("done", "").split(),
            "refused": earlier.get("refused", "").split(),
        }
        answers: list[Answer] = []
        for place, url in enumerate(self._urls, 1):
            if str(place) in (*ended["done"], *ended["refused"]):
                continue
            answer = self._tell(url, message, http)
            answers.append(answer)
            if answer.verdict != "retry":
                ended[answer.verdict].append(str(place))
        receipt = {"step": delivery.step.id, **{k: " ".join(v) for k, v in ended.items()}}
        return replace(_summary(answers, ended["refused"], len(self._urls)), receipt=receipt)

    def render(self, step: Step, incident: Incident) -> Payload:
        """Return title, text and kind; nothing in them pings, links or formats."""
        lines = [_plain(line) for line in _lines(step, incident)]
        lines += [f"{one.text}: {one.href}" for one in self._links.about(incident)]
        if step.possible_repeat:
            lines.append("Possible repeat: an earlier attempt may have been shown already")
        lines.append(f"Step {step.id}")
        title = wording.cut(f"[{wording.HEADLINES[step.kind]}] {incident.title}", MAX_TITLE)
        return {"title": _plain(title), "body": _within(lines), "kind": _kind(step)}

    def _tell(self, url: str, message: Payload, http: Http) -> Answer:
        order = {**message, "url": url, "allowed": self._allowed}
        try:
            return _answer(notifier.shared().ask(order, http.left()))
        except notifier.Busy:
            return no_answer("no time left for the call", may_have_arrived=False)
        except notifier.Silent:
            return no_answer("no answer in time", may_have_arrived=True)

    def _understood(self, url: str) -> bool:
        order = {"url": url, "allowed": self._allowed, "check": True}
        try:
            return bool(notifier.shared().ask(order, _START_SECONDS)["understood"])
        except (notifier.Busy, notifier.Silent):  # it shows when something is sent
            return True


def _answer(seen: Mapping[str, Any]) -> Answer:
    """Return what it means that this was seen of a delivery."""
    if seen["sent"]:
        return Answer("done", f"{seen['status'] or 'told'}")
    if seen["denied"]:
        return no_answer(NOT_ALLOWED, may_have_arrived=seen["taken"])
    if not seen["understood"]:
        return Answer("refused", "Apprise does not know the address")
    if seen["mail"] or seen["status"] >= 300:
        return replace(_refusal(seen), may_have_arrived=seen["taken"])
    words = "no answer" if seen["connected"] else "connection failed"
    return no_answer(words, may_have_arrived=seen["connected"])


def _refusal(seen: Mapping[str, Any]) -> Answer:
    """Return what a code means: of a mail server 4yz is for now and 5yz for good.

    Source: https://www.rfc-editor.org/rfc/rfc5321#section-4.2.1
    """
    if seen["mail"]:
        return Answer("refused" if seen["mail"] >= 500 else "retry", f"{seen['mail']}")
    return answer_of(seen["status"], retry_after=seen["retry_after"])


def _summary(answers: Iterable[Answer], refused: list[str], count: int) -> Answer:
    """Return what became of a delivery to several addresses: later, if one is to be tried again."""
    found = list(answers)
    again = [answer for answer in found if answer.verdict == "retry"]
    if again:
        return replace(
            again[0],
            retry_after_ms=max(answer.retry_after_ms for answer in again),
            may_have_arrived=any(answer.may_have_arrived for answer in again),
        )
    if refused:
        last = next((one.reason for one in reversed(found) if one.verdict == "refused"), "earlier")
        of = f", {len(refused)} of {count} addresses" if count > 1 else ""
        return Answer("refused", f"{last}{of}")
    return Answer("done", found[-1].reason if found else "told earlier")


def _kind(step: Step) -> str:
    if step.meaning == "ended":
        return "success"
    return "failure" if step.severity >= 4 else "warning" if step.severity == 3 else "info"


def _plain(text: str) -> str:
    """Return a text in which nothing is a mention, a link or markup to any receiver."""
    return _NO_PROTOCOL.sub(": //", text.translate(_LOOKALIKES))


def _within(lines: list[str]) -> str:
    """Return the lines; of too many those before the last three are left out."""
    kept = lines[:-3]
    while kept and sum(len(line) + 1 for line in (*kept, *lines[-3:])) > MAX_BODY:
        kept.pop()
    return "\n".join((*kept, *lines[-3:]))


def _lines(step: Step, incident: Incident) -> list[str]:
    lines = [
        f"{wording.severity(step).capitalize()}, {wording.times(incident)}",
        f"{wording.size(incident)}: {wording.names(incident.services, _NAMES)}",
        f"Why now: {wording.cut(step.reason, wording.MAX_REASON)}",
    ]
    if step.meaning != "ended":
        lines += [
            f"{place}. {wording.cut(one.service, wording.MAX_NAME)}: {wording.suspect(one)}"
            for place, one in enumerate(incident.root_cause[:3], 1)
        ]
        lines += [
            f"- {wording.cut(one.peak.service, wording.MAX_NAME)}"
            f" {wording.cut(one.peak.metric, wording.MAX_NAME)}: {wording.measured(one)}"
            for one in incident.evidence[:_EVIDENCE_LINES]
        ]
    return [*lines, f"Incident {wording.cut(incident.id, wording.MAX_NAME)}"]
