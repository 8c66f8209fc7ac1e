"""decode: the edge and the decoding of `detect`, and nothing of what follows."""
