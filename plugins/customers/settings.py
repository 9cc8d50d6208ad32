"""What a tenant decides about customers."""

from typing import Literal

import msgspec


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``geocoder`` finds the coordinates of addresses: ``cities`` by heart, or ``off``."""

    geocoder: Literal["cities", "off"] = "cities"
