"""Languages: every word of the kernel's pages is translated; formats follow locale and zone."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from core.admin.words.i18n import Formats, Words, direction_of, read_catalogue
from core.errors import StartRefused
from core.registry.loader import load
from core.registry.registry import Registry
from tools.extraction import KERNEL, LANGUAGES, kernel_messages, missing, plugin_messages

ROOT = Path(__file__).parents[2]
JAKARTA = ZoneInfo("Asia/Jakarta")
SHIPPED = ("customers", "loyalty")
HONOLULU = ZoneInfo("Pacific/Honolulu")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_the_kernels_pages_is_translated(language: str) -> None:
    catalogue = read_catalogue(KERNEL / "locale" / f"{language}.po")
    assert missing(kernel_messages(), catalogue) == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("plugin", SHIPPED)
def test_every_word_of_a_shipped_plugins_pages_is_translated(plugin: str, language: str) -> None:
    folder = ROOT / "plugins" / plugin
    messages, path = plugin_messages(folder), folder / "locale" / f"{language}.po"
    if messages:
        assert missing(messages, read_catalogue(path)) == []


def _shown(registry: Registry) -> Iterator[str]:
    """Yield what the shipped plugins name: whichever way their code writes it."""
    for entity in registry.entities.values():
        yield from (entity.label, entity.plural)
        for field in entity.fields.values():
            yield from (field.label, field.help, *(label for _, label in field.choices))
        for one in (*entity.aggregates, *entity.named_filters):
            yield one.label
        for action in registry.actions.get(entity.name, ()):
            yield from (action.label, action.row_label, action.submit, action.success_message)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_name_that_the_registry_shows_is_translated(language: str) -> None:
    folders = [KERNEL, *(ROOT / "plugins" / plugin for plugin in SHIPPED)]
    words = {
        message.id if isinstance(message.id, str) else message.id[0]
        for folder in folders
        for message in read_catalogue(folder / "locale" / f"{language}.po")
        if message.string
    }
    assert {text for text in _shown(load(SHIPPED).registry) if text} - words == set()


def test_a_translation_keeps_the_names_that_are_filled_in() -> None:
    for language in LANGUAGES:
        for message in read_catalogue(KERNEL / "locale" / f"{language}.po"):
            assert not list(message.check()), message.id


def test_plurals_follow_the_language() -> None:
    words = Words([])

    def right(language: str, number: int) -> str:
        found = words.of(language).ngettext("%(num)s right", "%(num)s rights", number)
        return found % {"num": number}

    assert [right("en", n) for n in (1, 2)] == ["1 right", "2 rights"]
    assert [right("id", n) for n in (1, 5)] == ["1 hak", "5 hak"]
    assert len({right("ar", n) for n in (0, 1, 2, 3, 11, 100)}) == 6


def test_locale_without_a_catalogue_reads_english() -> None:
    words = Words([])
    assert words.language_of("id_ID") == "id"
    assert words.language_of("ar-EG") == "ar"
    assert words.language_of("de") == "en"
    assert dict(words.languages) == {"ar": "العربية", "en": "English", "id": "Indonesia"}


def test_plugins_words_lie_under_the_kernels(tmp_path: Path) -> None:
    text = (
        'msgid ""\nmsgstr "Language: id\\n"\n\nmsgid "Save"\nmsgstr "X"\n\nmsgid "Own"\nmsgstr "Y"'
    )
    (tmp_path / "id.po").write_text(text)
    words = Words([tmp_path]).of("id")
    assert words.gettext("Own") == "Y"
    assert words.gettext("Save") == "Simpan"


def test_broken_catalogue_is_refused_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "id.po").write_text("nonsense here")
    with pytest.raises(StartRefused, match=r"id\.po"):
        Words([tmp_path])


def test_direction_follows_the_locale() -> None:
    assert [direction_of(n) for n in ("en", "id", "ar", "he", "nonsense")] == [
        "ltr",
        "ltr",
        "rtl",
        "rtl",
        "ltr",
    ]


def test_a_date_never_shifts_and_a_moment_is_shown_in_the_zone() -> None:
    day, moment = date(2026, 3, 1), datetime(2026, 3, 1, 20, 30, tzinfo=UTC)
    for zone in (JAKARTA, HONOLULU):
        assert Formats("en", zone).date(day) == "Mar 1, 2026"
    assert Formats("en", JAKARTA).date(moment) == "Mar 2, 2026"
    assert Formats("en", HONOLULU).date(moment) == "Mar 1, 2026"
    assert Formats("id", JAKARTA).moment(moment) == "2 Mar 2026 03.30"


def test_money_is_written_as_people_of_the_locale_write_it() -> None:
    def money(locale: str, value: str, currency: str) -> str:
        return Formats(locale, JAKARTA).money(Decimal(value), currency)

    assert money("id", "1500000", "IDR") == "Rp\xa01.500.000"
    assert money("id", "1500000.50", "IDR") == "Rp\xa01.500.000,50"
    assert money("en", "1500000", "IDR") == "IDR\xa01,500,000"
    assert money("en", "12.5", "USD") == "$12.50"
    assert money("en", "1000", "JPY") == "¥1,000"


def test_near_times_are_relative_and_far_ones_are_dates() -> None:
    now = datetime(2026, 3, 10, 12, tzinfo=UTC)
    english = Formats("en", JAKARTA)
    assert english.relative(now - timedelta(hours=3), now) == "3 hours ago"
    assert english.relative(now + timedelta(days=2), now) == "in 2 days"
    assert english.relative(now - timedelta(days=40), now) == "Jan 29, 2026"


def test_start_page_and_home_address_are_two_words() -> None:
    """What the navigation calls itself does not lie over the kind of an address."""
    words = Words([ROOT / "plugins" / "customers" / "locale"])
    assert words.of("id").gettext("Start page") == "Beranda"
    assert words.of("id").gettext("Home") == "Rumah"


def test_a_refusal_is_translated_with_its_values() -> None:
    words = Words([ROOT / "plugins" / "loyalty" / "locale"])
    told = "This reward is for the tier gold and above. Choose another."
    assert words.tell("en", told) == told
    assert words.tell("id", told) == "Hadiah ini untuk tingkat emas ke atas. Pilih yang lain."
    assert words.tell("id", "Said by nobody.") == "Said by nobody."
