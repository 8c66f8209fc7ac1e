"""Formats of samples, one module each; see `functions.detect.sniffing.Format`."""
