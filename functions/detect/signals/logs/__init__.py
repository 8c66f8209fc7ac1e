"""Lines of logs, whichever way they are written, as counts of their levels and templates."""
