"""Where a city lies: the geocoder's port, and one with a built-in table of cities."""

import asyncio
import gzip
import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Protocol

import msgspec

TABLE = Path(__file__).with_name("cities.tsv.gz")
# Countries that are one city: their addresses need not name it.
ONE_CITY = ("GI", "HK", "MC", "MO", "SG", "VA")


class Point(msgspec.Struct, frozen=True):
    """A point on the map, in degrees (WGS 84)."""

    latitude: float
    longitude: float


class AddressQuery(msgspec.Struct, frozen=True):
    """An address to find on the map, by its parts as they are stored."""

    country: str
    province: str | None = None
    city: str | None = None
    postal_code: str | None = None
    street: str | None = None


class Geocoder(Protocol):
    """Finds addresses. An unknown one is None, never an error; nothing waits for a network."""

    async def locate(self, query: AddressQuery) -> Point | None:
        """Return where the address lies, as exactly as is known."""


def fold_name(text: str) -> str:
    """Return a name as it is compared: without accents, case and punctuation."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return re.sub(r"[^\w]+", " ", plain).strip()


@cache
def _table() -> dict[tuple[str, str, str], Point]:
    """Return the centres by country, province (empty for any) and name; the largest city wins."""
    found: dict[tuple[str, str, str], Point] = {}
    others: list[tuple[tuple[str, str, str], Point]] = []
    country = ""
    with gzip.open(TABLE, "rt", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("="):
                country = line[1:].strip()
                continue
            names, province, latitude, longitude = line.rstrip("\n").split("\t")
            point = Point(float(latitude), float(longitude))
            if country in ONE_CITY:
                found.setdefault((country, "", ""), point)
            first, *further = names.split("|")
            for area in {province, ""}:
                found.setdefault((country, area, first), point)
                others += [((country, area, name), point) for name in further]
    for key, point in others:  # a city's own name comes before another's byname
        found.setdefault(key, point)
    return found


class Cities:
    """The built-in geocoder: the centre of the city, for cities of 15,000 people and more."""

    async def locate(self, query: AddressQuery) -> Point | None:
        """Return the centre of the city; where its province is not known, of the largest such."""
        # Read once, beside the event loop: that takes a fifth of a second.
        table = _table() if _table.cache_info().currsize else await asyncio.to_thread(_table)
        # Where an address has no city, as in the Emirates, its province is one.
        name = fold_name(query.city or query.province or "")
        for province in (query.province or "", ""):
            found = table.get((query.country, province, name))
            if found is not None:
                return found
        return table.get((query.country, "", "")) if query.country in ONE_CITY else None


class Nowhere:
    """The geocoder that is switched off: no address has coordinates."""

    async def locate(self, query: AddressQuery) -> Point | None:
        """Return None."""
        return None


GEOCODERS: dict[str, Geocoder] = {"cities": Cities(), "off": Nowhere()}
