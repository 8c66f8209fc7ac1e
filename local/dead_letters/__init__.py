"""Dead letters: events that could not be delivered, looked at and published again."""
