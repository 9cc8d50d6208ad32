"""Currencies: their codes, their decimals, and an amount in whole units."""

from functools import cache

from babel.core import get_global
from babel.numbers import get_currency_precision


@cache
def digits(currency: str) -> int:
    """Return how many decimals amounts of ``currency`` have."""
    return int(get_currency_precision(currency))


def in_units(amount: str, currency: str = "currency") -> str:
    """Return the SQL of a money column in whole units of its currency, for ``computed``.

    It is a floating-point number: good to show, never to add up.
    """
    cases: dict[int, list[str]] = {}
    for code, (places, *_) in sorted(get_global("currency_fractions").items()):
        if code != "DEFAULT" and places != 2:
            cases.setdefault(places, []).append(f"'{code}'")
    whens = " ".join(
        f"WHEN {{t}}.{currency} IN ({', '.join(codes)}) THEN {10**places}"
        for places, codes in cases.items()
    )
    return f"({{t}}.{amount}::float8 / CASE {whens} ELSE 100 END)"


@cache
def known_currencies() -> frozenset[str]:
    """Return every ISO 4217 code."""
    return frozenset(get_global("all_currencies"))
