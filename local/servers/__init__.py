"""The servers the pipeline needs on one machine, each behind one small class."""
