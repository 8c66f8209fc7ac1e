"""A stand-in for Slack's Web API, and pictures of what people would see there."""
