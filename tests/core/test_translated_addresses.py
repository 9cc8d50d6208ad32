"""Refusals of addresses in the reader's language: the country, and what it calls its parts."""

from pathlib import Path

import pytest
from babel import Locale

from core.admin.words.i18n import Words
from core.errors import Invalid
from plugins.customers.geography.rules import Lines, country_code, normalize_address

LOCALE = Path(__file__).parents[2] / "plugins" / "customers" / "locale"
# What countries call the parts of an address; Indonesian has some of these words too.
PARTS = {"state", "county", "island", "district", "street", "city", "code", "province", "parish"}


@pytest.mark.parametrize(
    ("language", "lines", "text"),
    [
        ("id", Lines("US", "NY", "Albany", "90210", "1 Main"), "kode pos Amerika Serikat"),
        ("ar", Lines("US", "NY", "Albany", "90210", "1 Main"), "الولايات المتحدة"),
        ("id", Lines("JP", "Atlantis", "X", "154-0023", "1"), "Jepang tidak memiliki prefektur"),
        ("ar", Lines("JP", "Atlantis", "X", "154-0023", "1"), "اليابان"),
        ("id", Lines("DE", None, None, "10115", "1"), "Alamat di Jerman memerlukan kota"),
        ("ar", Lines("DE", None, None, "10115", "1"), "ألمانيا"),
    ],
)
def test_a_refusal_names_the_country_in_the_readers_language(
    language: str, lines: Lines, text: str
) -> None:
    words = Words([LOCALE])
    _, (error, *_more) = normalize_address(lines)
    assert text in words.tell(language, error.detail)


@pytest.mark.parametrize("language", ["ar", "id"])
def test_every_country_is_refused_in_one_language(language: str) -> None:
    """No English word is left within the sentence: not the country, not what it calls its parts."""
    words = Words([LOCALE])
    own = {f"{code} {name}" for code, name in Locale(language).territories.items()}
    for code in sorted(Locale("en").territories):
        if len(code) != 2 or code == "ZZ":
            continue
        try:
            country_code(code)
        except Invalid:
            continue
        for lines in (Lines(code), Lines(code, "?", "?", "?", "?")):
            for error in normalize_address(lines)[1]:
                told = words.tell(language, error.detail)
                assert told != error.detail
                assert any(name.partition(" ")[2] in told for name in own), told
                english = set(error.detail.strip(".").split()) & PARTS
                assert not english & set(told.split()), told


def test_a_country_is_only_where_the_sentence_has_one(tmp_path: Path) -> None:
    """Somebody who is called like a country keeps his name."""
    text = 'msgid ""\nmsgstr "Language: id\\n"\n\nmsgid "{1} lives in {2}."\n'
    (tmp_path / "id.po").write_text(text + 'msgstr "{1} tinggal di {2:country}."\n')
    told = Words([tmp_path]).tell("id", "Jordan lives in Jordan.")
    assert told == "Jordan tinggal di Yordania."
