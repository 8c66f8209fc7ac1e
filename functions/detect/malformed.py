"""What decoders say of a part of a record that is not what its format says."""


class Malformed(ValueError):
    """A part of a record is not what its format says; the part is dropped and counted."""
