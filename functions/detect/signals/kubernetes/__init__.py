"""Events of Kubernetes: what happened to an object, in the words of its cluster."""
