"""train: fits models off the event path; `detect` only looks up what they leave."""
