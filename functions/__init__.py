"""The functions: one directory, one deployable, one verb each."""
