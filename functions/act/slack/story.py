"""One step told: the incident's message, its thread, its plot, each once whatever died before.

What is noted in the receipt: `ts` and `channel` name the message, `generation` the one it was
posted in, `replied` the last step told in
the thread, `file` the plot shown, `plotted` the step it was drawn at, `waiting` a plot that Slack
was still working on, `run` and `about` a run that waits for consent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from aiops.action_log import Kind
from functions.act.answer import Answer
from functions.act.channel import Delivery, Http
from functions.act.links import Link
from functions.act.plots.illustrator import Illustrator
from functions.act.slack.controls import Proposal
from functions.act.slack.message import View, message
from functions.act.slack.replies import LOUD, QUIET, reply
from functions.act.slack.search import find_reply, find_root, metadata
from functions.act.slack.upload import upload
from functions.act.slack.web_api import GONE, Reply, WebApi

DRAWN_AT: frozenset[Kind] = frozenset(("cause_changed", "reopened", "resolved"))
"""Besides the first step: what is worth showing is another then, or all there is to show."""

DRAW_SECONDS = 5.0
"""Left of a delivery when drawing begins; a plot that comes too late is drawn at the next step."""

MOST_LOOKS = 3
"""How often a step is put off because Slack is still working on its plot."""

WORKING_MS = 2_000
"""How long Slack takes for an uploaded picture, by experience about a second.

Source: https://github.com/slackapi/python-slack-sdk/issues/1521
"""


@dataclass(slots=True)
class Story:
    """What one delivery does, call by call.

    Attributes:
        links: Shown beside the message.
    """

    api: WebApi
    http: Http
    delivery: Delivery
    channel: str
    links: tuple[Link, ...]
    _notes: dict[str, str] = field(default_factory=dict)
    _repeated: bool = False
    _shown: Answer = field(default=Answer("done", "200"))

    def tell(self, illustrator: Illustrator | None) -> Answer:
        """Make the calls; whatever the end, the receipt says how far they came."""
        self._notes = dict(self.delivery.receipt)
        self._keep_proposal()
        answer = self._root() or self._thread() or self._plot(illustrator) or self._shown
        return replace(answer, receipt=self._notes)

    @property
    def _place(self) -> tuple[str, str]:
        return self._notes.get("channel") or self.channel, self._notes.get("ts", "")

    def _root(self) -> Answer | None:
        """Change the incident's message, or post it; None once it is there."""
        step = self.delivery.step
        if step.kind == "opened" and self._notes.get("generation", "") != str(step.generation):
            self._notes["ts"] = ""  # something new under an old id, as digests are
        if not self._notes.get("ts") and step.possible_repeat:
            found = find_root(self.api, self.http, self.channel, step, self.delivery.sent_at)
            if found.later is not None:
                return replace(found.later, may_have_arrived=False)
            self._repeated = not found.certain
            if found.ts:
                self._noted(found.ts, self.channel)
        if self._notes.get("ts"):
            changed = self._change(self._notes.get("waiting") or self._notes.get("file", ""))
            if changed.error not in GONE:
                self._shown = changed.answer
                return None if changed.well else _not_shown(changed.answer)
        return self._post()

    def _post(self) -> Answer | None:
        """Post the message anew; what was in the thread of another is not told again."""
        step = self.delivery.step
        content = {**self._content(""), "metadata": metadata(step, "root")}
        posted = self.api.tell(
            self.http, "chat.postMessage", {"channel": self.channel, **content, **_PLAIN}
        )
        if not posted.well:
            return posted.answer
        ts, channel = posted.text("ts"), posted.text("channel") or self.channel
        self._shown = posted.answer
        self._noted(ts, channel)
        self._notes["replied"] = step.id
        return None

    def _noted(self, ts: str, channel: str) -> None:
        """Note a message that has no plot so far."""
        generation = str(self.delivery.step.generation)
        self._notes.update(ts=ts, channel=channel, generation=generation)
        self._notes.update(file="", waiting="", plotted="")

    def _change(self, file: str) -> Reply:
        """Write the message anew, with the plot before or none where Slack does not show this."""
        channel, ts = self._place
        place = {"channel": channel, "ts": ts, "metadata": metadata(self.delivery.step, "root")}
        tried = list(dict.fromkeys((file, self._notes.get("file", ""), "")))
        while True:
            one = tried.pop(0)
            changed = self.api.tell(self.http, "chat.update", {**place, **self._content(one)})
            if changed.error != "invalid_blocks" or not tried:
                break
        if changed.well and one and one == self._notes.get("waiting"):
            self._notes.update(file=one, waiting="")
        return changed

    def _thread(self) -> Answer | None:
        """Tell what matters in the thread, unless that was done before."""
        step = self.delivery.step
        if step.kind in QUIET or self._notes.get("replied") == step.id:
            return None
        repeated = False
        if step.possible_repeat:
            found = find_reply(self.api, self.http, self._place, step)
            if found.later is not None:
                return replace(found.later, may_have_arrived=False)
            if found.ts:
                self._notes["replied"] = step.id
                return None
            repeated = not found.certain
        content = reply(step, self.delivery.incident, repeated=repeated)
        channel, ts = self._place
        loud = {"reply_broadcast": True} if step.kind in LOUD else {}
        place = {"channel": channel, "thread_ts": ts, "metadata": metadata(step, "reply")}
        posted = self.api.tell(
            self.http, "chat.postMessage", {**place, **content, **loud, **_PLAIN}
        )
        if not posted.well:
            return posted.answer
        self._notes["replied"] = step.id
        return None

    def _plot(self, illustrator: Illustrator | None) -> Answer | None:
        """Show the plot; only one that Slack still works on puts the step off, and not for long."""
        step = self.delivery.step
        if not self._notes.get("waiting"):
            if illustrator is None or not self._to_be_drawn() or self.http.left() < DRAW_SECONDS:
                return None
            picture = illustrator.picture(self.delivery.incident)
            file = picture and upload(self.api, self.http, picture)
            if not file:
                return None
            self._notes.update(waiting=file, plotted=step.id)
            self._change(file)
        if not self._notes.get("waiting") or step.attempts > MOST_LOOKS:
            self._notes["waiting"] = ""
            return None
        return Answer("retry", "Slack works on the plot still", WORKING_MS, others_may_go=True)

    def _to_be_drawn(self) -> bool:
        step = self.delivery.step
        if self._notes.get("plotted") == step.id:
            return False
        return not self._notes.get("file") or step.kind in DRAWN_AT

    def _content(self, file: str) -> dict[str, Any]:
        run = self._notes.get("run", "")
        proposal = Proposal(run, self._notes.get("about", "")) if run else None
        view = View(self.links, file, proposal, self._repeated)
        return message(self.delivery.step, self.delivery.incident, view)

    def _keep_proposal(self) -> None:
        """Note a run that waits for consent until it has ended."""
        step = self.delivery.step
        if step.kind == "run_proposed" and step.run:
            self._notes.update(run=step.run, about=step.reason[:_MAX_NOTE])
        elif step.kind in {"run_finished", "run_failed"} and step.run == self._notes.get("run"):
            self._notes["run"] = ""


_MAX_NOTE = 500
_PLAIN: Mapping[str, bool] = {"unfurl_links": False, "unfurl_media": False}


def _not_shown(answer: Answer) -> Answer:
    """Return the answer to a change: whether it arrived or not, it may be made again."""
    return replace(answer, may_have_arrived=False)
