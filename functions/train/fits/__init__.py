"""Ways to fit, one module each: its name is the detector's, its class `Fit` does it."""
