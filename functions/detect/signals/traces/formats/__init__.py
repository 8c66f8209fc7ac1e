"""How spans are written, a module for each way; its name is the format's."""
