"""Images without a container engine: the steps of the Dockerfile, in a folder."""
