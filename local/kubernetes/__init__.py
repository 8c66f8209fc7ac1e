"""A stand-in for the API server of Kubernetes."""
