"""What the bot tells Slack, over real sockets, against a workspace that checks as Slack does."""

import re
import time
from collections.abc import Mapping

import pytest

from aiops.action_log import step_id
from aiops.buttons import pressed
from aiops.digest import desk_id
from aiops.errors import Misconfigured
from aiops.events import Alert
from functions.act.channel import Delivery
from functions.act.channels.slack_bot import Channel
from functions.act.config import ALL_KINDS
from functions.act.plots.illustrator import Picture
from functions.act.sender import Calls
from functions.act.slack import search
from functions.act.slack.replies import QUIET
from local.receiver import Receiver
from local.slack.files import Files
from local.slack.post import Refused
from tests.incidents import ID, START, evidence, incident, suspect
from tests.sending import local_sender
from tests.telling import ATTACK, CONSOLE, hostile, step

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
RUN = "7d2f7c1e-0000-5000-8000-000000000001"
LEFT = {"acknowledge", "resolve", "silence", "false_alarm", "real"}


class Drawing:
    """Draws the same for everything, and counts."""

    def __init__(self, png=PNG):
        self.png, self.drawn = png, 0

    def picture(self, incident):
        self.drawn += 1
        return Picture(self.png, "plot.png", "cart · cpu") if self.png else None


class Told:
    """Tells one incident to a workspace step by step, with the receipt kept as `act` keeps it."""

    def __init__(self, receiver, illustrator=None, **environment):
        self.receiver, self.workspace = receiver, receiver.workspace
        values = {**Channel.takes, **receiver.workspace.environment, **environment}
        self.channel = Channel(values)
        if illustrator is not None:
            self.channel.illustrate(illustrator)
        self.receipt: Mapping[str, str] = {}

    def tell(self, kind="opened", about=None, seconds=30.0, noted=True, **changes):
        one = step("slack_bot", kind, **changes)
        if "id" not in changes:
            named = step_id(ID, one.generation, "slack_bot", kind, one.level)
            one = one.model_copy(update={"id": named})
        delivery = Delivery(one, about or incident(), int(time.time()), self.receipt)
        sender = local_sender()
        answer = self.channel.deliver(
            delivery, Calls(sender, time.monotonic, time.monotonic() + seconds)
        )
        if noted:
            self.receipt = {**self.receipt, **answer.receipt}
        return answer

    @property
    def root(self):
        (found,) = self.workspace.roots
        return found

    @property
    def thread(self):
        return self.workspace.thread(self.root.ts)


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


@pytest.fixture
def told(receiver):
    return Told(receiver)


def kinds(post):
    return {name.removeprefix("aiops.") for name in post.buttons}


def test_an_incident_is_one_message_that_changes_and_a_thread_of_what_matters(told):
    for kind in ALL_KINDS:
        assert told.tell(kind).verdict == "done", kind
    assert told.root.edits == len(ALL_KINDS) - 1
    assert len(told.thread) == len([kind for kind in ALL_KINDS if kind not in QUIET])
    assert told.receiver.refusals == ()


def test_every_step_reaches_slack_under_its_own_id(told):
    for kind in ALL_KINDS:
        told.tell(kind)
    named = {step_id(ID, 1, "slack_bot", kind, 0) for kind in ALL_KINDS}
    assert {message.step for message in told.receiver.messages} == named


def test_the_message_says_who_took_it_on_and_who_ended_it(told):
    told.tell()
    assert "Acknowledged by" not in str(told.root.blocks)
    taken_on = incident(status="acknowledged", acknowledged_by="slack:U0<1>")
    told.tell("acknowledged", about=taken_on)
    assert "*Acknowledged by*\\nslack:U0&lt;1&gt;" in str(told.root.blocks)
    over = incident(status="resolved", resolved_at=START + 190_000, resolved_by="a & b")
    told.tell("resolved", about=over)
    assert "*Resolved by*\\na &amp; b" in str(told.root.blocks)
    assert "Resolved by a &amp; b after 3 min 10 s" in str(told.thread[-1].blocks)


def test_what_came_back_and_what_failed_is_shown_in_the_channel_too(told):
    told.tell()
    told.tell("severity_raised")
    told.tell("reopened", generation=2)
    told.tell("repeated", generation=2)
    assert [post.broadcast for post in told.thread] == [False, True, True]


def test_a_post_nobody_noted_is_found_and_changed_instead_of_posted_again(told):
    told.tell(noted=False)
    answer = told.tell(possible_repeat=True)
    assert answer.verdict == "done"
    assert told.root.edits == 1
    assert "Possible repeat" not in str(told.root.blocks)


def test_a_post_is_found_by_a_later_step_too(told):
    told.tell(noted=False)
    told.tell("resolved", possible_repeat=True)
    assert told.root.text.startswith("✅")
    assert len(told.thread) == 1


def test_a_reply_nobody_noted_is_not_posted_again(told):
    told.tell()
    told.tell("severity_raised", noted=False)
    told.tell("severity_raised", possible_repeat=True)
    told.tell("severity_raised")
    assert len(told.thread) == 1


def test_messages_of_others_are_not_taken_for_ours(told):
    told.tell(noted=False)
    told.root.metadata["event_type"] = "somebody_elses"
    assert told.tell(possible_repeat=True).verdict == "done"
    assert len(told.workspace.roots) == 2


def test_a_message_is_found_behind_many_others(told, monkeypatch):
    monkeypatch.setattr(search, "PAGE", 2)
    told.tell(noted=False)
    for number in range(5):
        Told(told.receiver).tell(id=f"another-{number}", incident=f"another-{number}")
    told.tell(possible_repeat=True)
    assert [post.edits for post in told.workspace.roots] == [1, 0, 0, 0, 0, 0]


def test_what_could_not_be_looked_for_to_the_end_is_marked_as_a_possible_repeat(told, monkeypatch):
    monkeypatch.setattr(search, "PAGE", 1)
    monkeypatch.setattr(search, "MOST_PAGES", 2)
    told.tell(noted=False)
    for number in range(3):
        Told(told.receiver).tell(id=f"another-{number}", incident=f"another-{number}")
    told.tell(possible_repeat=True)
    ours = [one for one in told.workspace.roots if ID in str(one.metadata)]
    assert ["Possible repeat" in str(one.blocks) for one in ours] == [False, True]


def test_a_message_that_was_taken_away_is_posted_anew(told):
    told.tell()
    told.workspace.delete(told.root.ts)
    assert told.tell("severity_raised").verdict == "done"
    assert (told.root.edits, told.thread) == (0, ())
    told.tell("resolved")
    assert (told.root.edits, len(told.thread)) == (1, 1)


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        ("ratelimited", "retry"),
        ("internal_error", "retry"),
        ("fatal_error", "retry"),
        ("service_unavailable", "retry"),
        ("invalid_auth", "refused"),
        ("not_authed", "refused"),
        ("token_revoked", "refused"),
        ("account_inactive", "refused"),
        ("missing_scope", "refused"),
        ("channel_not_found", "refused"),
        ("not_in_channel", "refused"),
        ("is_archived", "refused"),
        ("msg_too_long", "refused"),
        ("no_text", "refused"),
        ("invalid_blocks", "refused"),
        ("something_new", "refused"),
    ],
)
def test_every_error_of_slack_has_one_meaning(told, error, verdict):
    told.receiver.answer("slack_bot", 200, body=f'{{"ok": false, "error": "{error}"}}')
    answer = told.tell()
    assert (answer.verdict, answer.reason) == (verdict, f"chat.postMessage: {error}")
    assert answer.may_have_arrived == (error in {"internal_error", "fatal_error"})


@pytest.mark.parametrize("body", ["", "no JSON", "[]", "{}", '{"ok": 1}', '{"ok": "true"}'])
def test_an_answer_that_is_not_slacks_may_hide_a_message(told, body):
    told.receiver.answer("slack_bot", 200, body=body)
    answer = told.tell()
    assert (answer.verdict, answer.may_have_arrived) == ("retry", True)


def test_an_error_is_not_quoted_unless_it_is_a_word(told):
    told.receiver.answer("slack_bot", 200, body='{"ok": false, "error": "<b>{headers}"}')
    assert told.tell().reason == "chat.postMessage: an error without a name"


def test_a_channel_that_gets_too_much_is_left_alone_as_long_as_it_asks(receiver):
    receiver.workspace.burst = 1
    told = Told(receiver)
    assert told.tell().verdict == "done"
    other = Told(receiver).tell(id="another", incident="another")
    assert (other.verdict, other.retry_after_ms) == ("retry", 1_000)
    assert not other.may_have_arrived


def test_a_reply_that_comes_too_soon_is_made_later_and_once(receiver):
    receiver.workspace.burst = 1
    told = Told(receiver)
    told.tell()
    assert told.tell("severity_raised").verdict == "retry"
    receiver.workspace.burst = None
    assert told.tell("severity_raised").verdict == "done"
    assert len(told.thread) == 1


def test_the_plot_is_shown_in_the_message(receiver):
    told = Told(receiver, Drawing())
    assert told.tell().verdict == "done"
    (image,) = [block for block in told.root.blocks if block["type"] == "image"]
    assert receiver.workspace.files.content(image["slack_file"]["id"]) == PNG
    told.tell("acknowledged")
    assert image["slack_file"] in [block.get("slack_file") for block in told.root.blocks]


def test_the_plot_is_drawn_again_only_where_there_is_another_to_show(receiver):
    drawing = Drawing()
    told = Told(receiver, drawing)
    for kind in ("opened", "acknowledged", "severity_raised", "cause_changed", "resolved"):
        told.tell(kind)
    assert drawing.drawn == 3


def test_a_plot_slack_still_works_on_puts_the_step_off_and_is_shown_then(receiver):
    receiver.workspace.files.work = 1
    told = Told(receiver, Drawing())
    first = told.tell(attempts=1)
    assert (first.verdict, first.may_have_arrived, first.others_may_go) == ("retry", False, True)
    assert "image" not in [block["type"] for block in told.root.blocks]
    assert told.tell(attempts=2).verdict == "done"
    assert "image" in [block["type"] for block in told.root.blocks]


def test_a_plot_that_slack_never_shows_is_given_up(receiver):
    receiver.workspace.files.work = 1_000
    told = Told(receiver, Drawing())
    answers = [told.tell(attempts=attempt).verdict for attempt in range(1, 5)]
    assert answers == ["retry", "retry", "retry", "done"]
    assert told.tell("resolved", attempts=5).verdict == "done"


@pytest.mark.parametrize("png", [b"", b"no picture"])
def test_no_message_is_lost_for_want_of_a_plot(receiver, png):
    told = Told(receiver, Drawing(png))
    answers = [told.tell(attempts=attempt).verdict for attempt in range(1, 5)]
    assert answers[-1] == "done"
    assert len(told.root.blocks) > 3


def no(*_):
    raise Refused("internal_error")


@pytest.mark.parametrize("part", ["expect", "take", "complete"])
def test_no_message_is_lost_because_a_plot_could_not_be_brought_to_slack(
    receiver, part, monkeypatch
):
    monkeypatch.setattr(Files, part, no if part == "expect" else lambda *_: False)
    told = Told(receiver, Drawing())
    assert told.tell().verdict == "done"
    assert "image" not in [block["type"] for block in told.root.blocks]


def test_there_are_five_buttons_at_most_and_none_that_does_nothing(told):
    told.tell()
    assert kinds(told.root) == LEFT
    told.tell("acknowledged", about=incident(status="acknowledged"))
    assert kinds(told.root) == LEFT - {"acknowledge"}
    told.tell("resolved", about=incident(status="resolved", resolved_at=START + 1))
    assert kinds(told.root) == set()


def test_a_run_that_waits_for_consent_has_a_button_with_a_dialog_until_it_has_ended(told):
    told.tell()
    told.tell("run_proposed", run=RUN, reason="restart Deployment cart")
    button = told.root.buttons["aiops.approve"]
    assert button["confirm"]["text"]["text"] == "restart Deployment cart"
    assert kinds(told.root) == (LEFT - {"real"}) | {"approve"}
    told.tell("severity_raised")
    assert "approve" in kinds(told.root)
    told.tell("acknowledged", about=incident(status="acknowledged"))
    assert kinds(told.root) == (LEFT - {"acknowledge"}) | {"approve"}
    told.tell("run_finished", run=RUN, reason="restarted")
    assert "approve" not in kinds(told.root)


def test_every_button_carries_what_the_gateway_takes(told):
    told.tell("run_proposed", run=RUN)
    for name, button in told.root.buttons.items():
        assert pressed(name, button["value"]) is not None


def test_a_digest_has_no_buttons_and_a_new_one_is_a_new_message(told):
    digest = desk_id("slack_bot")
    for generation in (1, 2):
        told.tell(about=incident(id=digest), incident=digest, generation=generation)
        told.tell("grown", about=incident(id=digest), incident=digest, generation=generation)
    assert [kinds(post) for post in told.workspace.roots] == [set(), set()]
    assert [post.edits for post in told.workspace.roots] == [1, 1]


def test_what_others_found_cannot_be_judged_nor_drawn(told):
    alert = evidence("cart", "Down", alert=Alert())
    told.tell(about=incident(evidence=(alert,), root_cause=(suspect("cart"),)))
    assert kinds(told.root) == LEFT - {"real", "false_alarm"}


def marked_up(blocks):
    """Yield the texts in which marks mean something."""
    for block in blocks:
        for text in (block.get("text"), *block.get("fields", ()), *block.get("elements", ())):
            if text and text["type"] == "mrkdwn":
                assert text["verbatim"]
                yield text["text"]


def test_text_an_attacker_wrote_stays_text(receiver):
    told = Told(receiver, Drawing(), INCIDENT_URL=CONSOLE, RUNBOOK_URL=CONSOLE, GRAPH_URL=CONSOLE)
    for kind in ALL_KINDS:
        told.tell(kind, about=hostile(), reason=ATTACK, run=RUN)
        posts = (told.root, *told.thread)
        for text in [text for post in posts for text in (post.text, *marked_up(post.blocks))]:
            bare = re.sub(rf"<{re.escape(CONSOLE)}[\w%.~-]*\|[\w ]+>", "", text)
            assert "<" not in bare
            assert ">" not in bare
            for markup in ("*bold*", "`code`", "~gone~", "_it_"):
                assert markup not in bare
            assert not any(line.startswith("&gt;") for line in bare.splitlines())
    assert receiver.refusals == ()


def test_a_name_that_begins_like_a_quotation_is_none(told):
    told.tell(about=incident(blast_radius=("> quoted",), root_cause=(suspect("x", "y", ">> z"),)))
    lines = [line for text in marked_up(told.root.blocks) for line in text.splitlines()]
    assert "\u203a quoted" in lines
    assert not any(line.startswith("&gt;") for line in lines)


def test_the_largest_incident_fits_into_what_slack_takes(receiver):
    told = Told(receiver, Drawing(), INCIDENT_URL="https://console.example.com/i/")
    giant = "&" * 100_000
    about = incident(
        title=giant,
        services=(giant,) * 50,
        blast_radius=(giant,) * 50,
        severity_reasons=(giant,) * 5,
        root_cause=tuple(suspect(giant, giant, giant) for _ in range(3)),
        evidence=tuple(evidence(giant, giant, reason=giant, detector="b") for _ in range(50)),
    )
    for kind in ALL_KINDS:
        assert told.tell(kind, about=about, reason=giant, run=RUN).verdict == "done"
    assert receiver.refusals == ()


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("SLACK_BOT_TOKEN", "xoxp-123456789012"),
        ("SLACK_BOT_TOKEN", "xoxb-1 \n2345678901"),
        ("SLACK_CHANNEL", "#incidents"),
        ("SLACK_API_URL", "http://slack.example.com/api"),
    ],
)
def test_a_wrong_setting_is_named_and_not_shown(receiver, name, wrong):
    with pytest.raises(Misconfigured, match=name) as caught:
        Told(receiver, **{name: wrong})
    assert wrong not in str(caught.value)


def test_an_upload_goes_nowhere_but_by_https_or_to_slack_itself(receiver, monkeypatch):
    monkeypatch.setattr(receiver.workspace, "url", "http://127.0.0.1:1")
    told = Told(receiver, Drawing(), SLACK_API_URL=f"{receiver.url}/slack/api")
    assert told.tell().verdict == "done"
    assert "image" not in [block["type"] for block in told.root.blocks]
