"""What Slack is told: blocks, buttons, replies, and the calls that carry them."""
