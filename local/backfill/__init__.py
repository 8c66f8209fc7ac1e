"""What Prometheus knows of the time before ours: learned, and kept as history."""
