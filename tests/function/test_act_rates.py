"""More to tell at once than receivers take: all of it arrives, in its order, a little later."""

from uuid import UUID

import pytest

from local.rates import vendors
from local.receiver import Receiver
from tests.function.test_act import Act


@pytest.mark.parametrize(("channel", "count"), [("slack", 12), ("pagerduty", 130)])
def test_a_burst_beyond_a_vendors_rate_arrives_in_the_end_and_nothing_twice(channel, count):
    now = 0.0
    ids = [str(UUID(int=number)) for number in range(count)]
    with Receiver(vendors(lambda: now)) as receiver:
        act = Act(receiver.environment, channels=[{"channel": channel}])
        for one in ids:
            act.tell(id=one)
        assert 0 < len(receiver.messages) < count
        waiting = [act.log.read(one).steps[0] for one in ids]
        assert "429" in {step.result for step in waiting if step.state == "planned"}
        for _ in range(60):
            now += 61.0
            act.tick(61)
        assert sorted(message.key for message in receiver.messages) == sorted(
            ids if channel == "pagerduty" else (act.log.read(one).steps[0].id for one in ids)
        )
        assert not any(message.possible_repeat for message in receiver.messages)


def test_slack_says_when_to_come_again_and_is_left_alone_until_then():
    now = 0.0
    with Receiver(vendors(lambda: now)) as receiver:
        act = Act(receiver.environment, channels=[{"channel": "slack"}])
        act.tell(id=str(UUID(int=1)))
        act.tell(id=str(UUID(int=2)))
        waiting = act.log.read(str(UUID(int=2))).steps[0]
        assert (waiting.state, waiting.result) == ("planned", "429")
        assert waiting.next_at >= act.clock.ms + 1_000
        assert len(receiver.messages) == 1
