"""What a runbook may do: one module per kind of operation, found by its name."""
