"""What a tenant decides about loyalty."""

from itertools import pairwise
from typing import Annotated, Literal

import msgspec


class Tier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A level: whoever has at least ``points`` is in it, unless a higher one fits."""

    code: str
    points: int


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``tiers`` ascend from 0 points; their words stand in the dictionary ``loyalty.tiers``.

    ``below_zero`` says what becomes of an adjustment that takes more than there is (``clamp``
    takes all, ``reject`` refuses it), ``spent`` the same of the reversal of an earning whose
    points are gone. Points end ``expiry_months`` after they were earned, or never.
    """

    tiers: tuple[Tier, ...] = (
        Tier("bronze", 0),
        Tier("silver", 100),
        Tier("gold", 500),
        Tier("platinum", 1000),
    )
    below_zero: Literal["clamp", "reject"] = "clamp"
    spent: Literal["clamp", "reject"] = "clamp"
    expiry_months: Annotated[int, msgspec.Meta(ge=1, le=120)] | None = None

    def __post_init__(self) -> None:
        points = [tier.points for tier in self.tiers]
        codes = [tier.code for tier in self.tiers]
        if not points or points[0] != 0:
            raise ValueError("The first tier begins at 0 points.")
        if any(low >= high for low, high in pairwise(points)):
            raise ValueError("Tiers ascend: each needs more points than the one before.")
        if points[-1] >= 2**31:
            raise ValueError("No tier can need more than 2147483647 points.")
        if len(set(codes)) != len(codes):
            raise ValueError("The code of a tier stands twice.")
        if any(not 0 < len(code) <= 50 or not code.islower() for code in codes):
            raise ValueError("The code of a tier has 1 to 50 lower-case characters.")
