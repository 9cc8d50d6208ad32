"""Words and formats: catalogues read from ``.po`` files at start, numbers and dates by locale.

English is the source and needs no catalogue. A word that a language lacks appears in English.
"""

import io
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from string import Formatter
from typing import Any, Literal
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.dates import format_date, format_time, format_timedelta, get_datetime_format
from babel.lists import format_list
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from babel.numbers import format_compact_decimal, format_currency, format_decimal, format_percent
from babel.support import NullTranslations, Translations

from core.errors import StartRefused

SOURCE = "en"
# Where a value stands in a sentence of a refusal.
VALUE = re.compile(r"\{\d\}")
KERNEL = Path(__file__).parents[1] / "locale"


@lru_cache(maxsize=256)
def locale_of(name: str) -> Locale:
    """Return Babel's locale of a name such as ``id`` or ``pt_BR``; English for an unknown one."""
    try:
        return Locale.parse(name.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return Locale.parse(SOURCE)


def direction_of(name: str) -> str:
    """Return ``ltr`` or ``rtl``."""
    return locale_of(name).text_direction


def read_catalogue(path: Path) -> Catalog:
    """Return the catalogue in a ``.po`` file; refuses a broken one with its place."""
    try:
        with path.open("rb") as file:
            return read_po(file, locale=path.stem, abort_invalid=True)
    except (PoFileError, ValueError, UnknownLocaleError) as error:
        raise StartRefused(f"{path}: {error}") from None


def _words(catalogue: Catalog) -> Translations:
    packed = io.BytesIO()
    write_mo(packed, catalogue)
    packed.seek(0)
    return Translations(packed)


class Words:
    """The translations of all languages: the plugins' catalogues under the kernel's."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._found: dict[str, NullTranslations] = {SOURCE: NullTranslations()}
        self._patterns: dict[str, list[tuple[re.Pattern[str], str]]] = {}
        for folder in (*folders, KERNEL):
            for path in sorted(folder.glob("*.po")):
                words = _words(read_catalogue(path))
                before = self._found.get(path.stem)
                if isinstance(before, Translations):
                    before.merge(words)
                else:
                    self._found[path.stem] = words

    @property
    def languages(self) -> Mapping[str, str]:
        """The languages that can be chosen, each with its own name for itself."""
        return {
            name: (locale_of(name).get_display_name(name) or name).capitalize()
            for name in sorted(self._found)
        }

    def language_of(self, locale: str) -> str:
        """Return the language whose words fit a locale: itself, its language, or English."""
        wanted = locale.replace("-", "_")
        for name in (wanted, wanted.split("_")[0]):
            if name in self._found:
                return name
        return SOURCE

    def of(self, language: str) -> NullTranslations:
        """Return the words of a language that ``language_of`` named."""
        return self._found[language]

    def tell(self, language: str, text: str) -> str:
        """Return a sentence in which values stand already: ``This is for the tier {1}.``

        A catalogue holds it with a number in braces for each value; ``{1:country}`` in a
        translation is a country's English name, which is told as its own language does.
        """
        words = self._found[language]
        found = words.gettext(text)
        if found != text:
            return str(found)
        for pattern, sentence in self._sentences(language):
            if match := pattern.fullmatch(text):
                return _Filled(words, locale_of(language)).format(sentence, "", *match.groups())
        return text

    def _sentences(self, language: str) -> list[tuple[re.Pattern[str], str]]:
        if language not in self._patterns:
            known = getattr(self._found[language], "_catalog", {})
            filled = [m for m in known if isinstance(m, str) and VALUE.search(m)]
            self._patterns[language] = [
                (re.compile("(.+)".join(map(re.escape, VALUE.split(message)))), known[message])
                for message in sorted(filled, key=len, reverse=True)  # what says more fits better
            ]
        return self._patterns[language]


class _Filled(Formatter):
    """Fills the values of an English sentence into its translation."""

    def __init__(self, words: NullTranslations, locale: Locale) -> None:
        self._words = words
        self._locale = locale

    def format_field(self, value: Any, format_spec: str) -> str:
        """Return a value in the language of the sentence."""
        if format_spec != "country":
            return _lower(self._words, value)
        return str(self._locale.territories.get(_countries().get(value, ""), value))


@lru_cache(maxsize=1)
def _countries() -> dict[str, str]:
    """Return the code of each country by its English name."""
    territories = Locale.parse(SOURCE).territories.items()
    return {name: code for code, name in territories if len(code) == 2}


def _lower(words: NullTranslations, value: str) -> str:
    """Return a value inside a sentence: a label in other words, a code as its label reads."""
    found = words.gettext(value)
    label = value[:1].upper() + value[1:]
    if found == value and (other := words.gettext(label)) != label:
        return str(other[:1].lower() + other[1:])
    return str(found)


Length = Literal["short", "medium", "long", "full"]
# A sign of letters that touches the number.
SIGNED = re.compile(r"([^\W\d_])([-\d])")
# Longer distances in time are shown as a date.
NEAR = timedelta(days=7)


class Formats:
    """How values are written for one person: in their locale and time zone.

    A ``date`` is a day on a calendar and is never moved; a ``datetime`` is shown in the zone.
    """

    def __init__(self, locale: str, zone: ZoneInfo) -> None:
        self.locale = locale_of(locale)
        self.zone = zone

    def number(self, value: float | Decimal) -> str:
        """Return a number with its groups."""
        return format_decimal(value, locale=self.locale)

    def compact(self, value: float | Decimal) -> str:
        """Return a short form for cards and axes: ``1.2M``."""
        return format_compact_decimal(value, locale=self.locale, fraction_digits=1)

    def percent(self, value: float | Decimal) -> str:
        """Return a share of one as percent."""
        return format_percent(value, locale=self.locale)

    def money(self, value: float | Decimal, currency: str) -> str:
        """Return an amount with the currency's sign and its decimals.

        Whole amounts of a currency that is paid without decimals are written without.
        """
        fractions = get_global("currency_fractions")
        pattern = self.locale.currency_formats["standard"].pattern
        if fractions.get(currency, fractions["DEFAULT"])[2] == 0 and value == int(value):
            pattern = pattern.replace(".00", "")
        text = format_currency(
            value, currency, pattern, self.locale, currency_digits=".00" in pattern
        )
        # CLDR asks for a space between letters and digits.
        return SIGNED.sub("\\1\N{NO-BREAK SPACE}\\2", text)

    def month(self, value: date) -> str:
        """Return the name of a month, as it stands alone on an axis."""
        return format_date(value, "LLL", self.locale)

    def date(self, value: date, length: Length = "medium") -> str:
        """Return a day; of a moment, the day it falls on in the zone."""
        day = value.astimezone(self.zone).date() if isinstance(value, datetime) else value
        return format_date(day, length, self.locale)

    def time(self, value: datetime) -> str:
        """Return the time of day of a moment."""
        return format_time(value, "short", tzinfo=self.zone, locale=self.locale)

    def moment(self, value: datetime, length: Length = "medium") -> str:
        """Return a moment as day and time, without seconds."""
        both = str(get_datetime_format(length, self.locale))
        return both.replace("{0}", self.time(value)).replace("{1}", self.date(value, length))

    def relative(self, value: datetime, now: datetime | None = None) -> str:
        """Return how long ago or ahead a moment is, or its day once that is far."""
        distance = value - (now or datetime.now(self.zone))
        if abs(distance) > NEAR:
            return self.date(value)
        return format_timedelta(distance, add_direction=True, locale=self.locale)

    def several(self, values: Iterable[str]) -> str:
        """Return an enumeration: ``a, b and c``."""
        return format_list(list(values), locale=self.locale)
