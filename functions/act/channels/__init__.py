"""The channels, one module each; the module's name is what a policy calls it."""
