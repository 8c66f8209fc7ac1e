"""Samples that come in any order within a time, put in order before they are scored."""
