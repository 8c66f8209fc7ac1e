"""The live run: a scenario through the whole pipeline in compressed time, watched and judged."""
