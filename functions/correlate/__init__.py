"""correlate: anomalies into incidents, with ranked suspects and reasons."""
