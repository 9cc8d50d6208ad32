"""The dummy's settings."""

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How loud is too loud, in decibel."""

    most_decibel: int = 80
