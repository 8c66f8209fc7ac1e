"""The default detector: `detect` scores with it, `train` holds its models against it."""
