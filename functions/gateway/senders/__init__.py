"""The senders, one module each; the module's name is the path it is served under."""
