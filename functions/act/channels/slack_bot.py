"""Slack by a bot's token: one message per incident that is kept up to date, news in its thread.

Scopes: chat:write, files:write, and channels:history (groups:history where private) to find
messages again. See docs/slack.md.
"""

import re
from collections.abc import Mapping
from typing import ClassVar

from aiops.errors import Misconfigured
from functions.act.answer import Answer
from functions.act.channel import Delivery, Http, Repeat, address
from functions.act.links import SETTINGS, Links
from functions.act.plots.illustrator import Illustrator
from functions.act.slack.story import Story
from functions.act.slack.web_api import WebApi

_TOKEN = re.compile(r"xoxb-[A-Za-z0-9-]{10,500}")
_CHANNEL = re.compile(r"[CG][A-Z0-9]{8,20}")


class Channel:
    """Posts, changes and answers; a repeat finds what is there already."""

    needs: ClassVar[tuple[str, ...]] = ("SLACK_BOT_TOKEN", "SLACK_CHANNEL")
    takes: ClassVar[Mapping[str, str]] = {"SLACK_API_URL": "https://slack.com/api", **SETTINGS}
    repeat: ClassVar[Repeat] = "same_state"

    def __init__(self, values: Mapping[str, str]) -> None:
        token, self._channel = values["SLACK_BOT_TOKEN"], values["SLACK_CHANNEL"]
        if not _TOKEN.fullmatch(token):
            raise Misconfigured("SLACK_BOT_TOKEN: expected a bot's token, which begins with xoxb-")
        if not _CHANNEL.fullmatch(self._channel):
            raise Misconfigured("SLACK_CHANNEL: expected the id of a channel, such as C0123456789")
        url = address(values, "SLACK_API_URL").rstrip("/")
        self._api = WebApi("slack_bot", url, token)
        self._links = Links.parse(values)
        self._illustrator: Illustrator | None = None

    def illustrate(self, illustrator: Illustrator) -> None:
        """Take who draws; without one there are no plots."""
        self._illustrator = illustrator

    def deliver(self, delivery: Delivery, http: Http) -> Answer:
        """Post or change the message, add to its thread what matters, and show the plot."""
        links = self._links.about(delivery.incident)
        story = Story(self._api, http, delivery, self._channel, links)
        return story.tell(self._illustrator)
