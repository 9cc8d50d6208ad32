"""Numbers as people type them: in any script, with the comma or the point of their country."""

import re
import unicodedata
from decimal import Decimal
from typing import Any

from babel import Locale
from babel.numbers import NumberFormatError, format_decimal, parse_decimal

PLAIN = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
_SIGNS = str.maketrans({"\u066b": ".", "\u066c": ",", "\u2212": "-", "\u200e": "", "\u200f": ""})


def write_number(value: Any, locale: Locale) -> str:
    """Return a number in the locale, ungrouped, with the decimals that it has."""
    plain = format(Decimal(str(value)), "f")
    decimals = plain.partition(".")[2]
    pattern = "0." + "0" * len(decimals) if decimals.strip("0") else "0"
    return format_decimal(Decimal(plain), pattern, locale, decimal_quantization=False)


def read_number(text: str, locale: Locale) -> str:
    """Return a number of the locale as digits and a point; what is none stays as it is."""
    plain = "".join(ascii_digit(letter) for letter in text if not letter.isspace())
    plain = plain.translate(_SIGNS)
    try:
        return format(parse_decimal(plain, locale, strict=True), "f")
    except (NumberFormatError, ArithmeticError):
        # 12.50 is a number everywhere, however its groups are written.
        return plain if PLAIN.fullmatch(plain) else text


def ascii_digit(letter: str) -> str:
    """Return a digit of any script as ASCII; any other letter stays."""
    value = unicodedata.decimal(letter, None)
    return letter if value is None else str(value)
