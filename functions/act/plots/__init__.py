"""Pictures of what was anomalous, drawn where a message is written; heavy, so on first use only."""
