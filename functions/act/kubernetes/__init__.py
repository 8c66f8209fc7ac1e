"""The API server of Kubernetes: what it is asked, and what it answers."""
