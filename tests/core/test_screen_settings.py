"""Settings, dictionaries and the look: made from declarations, checked, audited, taken back."""

import base64
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.core.browsing import Browser
from tests.core.signing import Gate, open_gate

LOYALTY = "/app/settings/loyalty/"
TYPES = "/app/dictionaries/customers.types/"
LOOK = "/app/branding/"
NOTICE = re.compile(r'class="notice tone-danger".*?<ul>(.*?)</ul>', re.S)
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)


@pytest.fixture(scope="module")
async def gate(test_server, tmp_path_factory) -> AsyncIterator[Gate]:
    folder = tmp_path_factory.mktemp("settings")
    async with open_gate(test_server, folder, ("customers", "loyalty")) as opened:
        yield opened


@pytest.fixture(scope="module")
async def browser(gate) -> Browser:
    return await Browser(gate).enter(await gate.user("admin"))


@pytest.fixture(autouse=True)
async def untouched(gate) -> None:
    """Every test begins with what the file says."""
    await gate.rows("DELETE FROM core_setting")
    await gate.platform.renew(gate.world.tenant())


def stored(gate: Gate, name: str) -> Any:
    return gate.world.tenant().overlay.settings.get(name)


def loyalty(**changed: str) -> dict[str, str]:
    """Return the form of the loyalty settings as they are by default."""
    tiers = (("bronze", 0), ("silver", 100), ("gold", 500), ("platinum", 1000))
    form = {"below_zero": "clamp", "spent": "clamp", "expiry_months": ""}
    for place, (code, points) in enumerate(tiers):
        form |= {f"tiers.{place}.code": code, f"tiers.{place}.points": str(points)}
    return form | changed


async def test_a_form_is_made_of_the_plugins_struct(browser):
    text = (await browser.get(LOYALTY)).text
    assert 'name="tiers.3.code"' in text
    assert 'value="platinum"' in text
    assert 'name="below_zero"' in text
    assert 'href="/app/settings/loyalty/"' in (await browser.get("/app/settings/")).text
    assert (await browser.get("/app/settings/nothing/")).status_code == 404


async def test_only_what_differs_is_laid_over_the_file_and_can_be_reset(gate, browser):
    """Ruling 14: a row over the defaults, audited; a reset follows the file again."""
    saved = await browser.post(LOYALTY, loyalty(expiry_months="12"))
    assert saved.status_code == 303, saved.text
    assert stored(gate, "loyalty") == {"expiry_months": 12}
    assert "Changed here" in (await browser.get(LOYALTY)).text
    told = await gate.rows(
        "SELECT e.action, r.principal_kind FROM core_audit_entry e JOIN core_audit_request r"
        " ON r.tenant_id = e.tenant_id AND r.id = e.request_id WHERE e.entity = 'core.setting'"
        " ORDER BY e.at DESC LIMIT 1"
    )
    assert [tuple(row) for row in told] == [("created", "user")]
    reset = await browser.post(f"{LOYALTY}reset/", {"setting": "expiry_months"}, page=LOYALTY)
    assert reset.status_code == 303
    assert stored(gate, "loyalty") == {}
    assert gate.world.tenant().settings("loyalty").expiry_months is None


async def test_rows_of_a_list_are_lines_of_the_form(gate, browser):
    more = {"tiers.4.code": "diamond", "tiers.4.points": "5000"}
    assert (await browser.post(LOYALTY, loyalty(**more))).status_code == 303
    assert [t.code for t in gate.world.tenant().settings("loyalty").tiers][-1] == "diamond"
    gone = {"tiers.4.code": "", "tiers.4.points": ""}
    assert (await browser.post(LOYALTY, loyalty(**gone))).status_code == 303
    assert len(gate.world.tenant().settings("loyalty").tiers) == 4


async def test_what_the_rules_refuse_stands_beside_its_setting(gate, browser):
    before = stored(gate, "loyalty")
    wrong = await browser.post(LOYALTY, loyalty(expiry_months="500"))
    assert wrong.status_code == 400
    assert "Write a whole number from 1 to 120." in wrong.text
    assert 'value="500"' in wrong.text
    crossed = await browser.post(LOYALTY, loyalty(**{"tiers.1.points": "900"}))
    assert crossed.status_code == 400
    assert "Tiers ascend: each needs more points than the one before." in crossed.text
    assert stored(gate, "loyalty") == before


CROSSED = {
    "ascend": {"tiers.1.points": "900"},
    "begins": {"tiers.0.points": "5"},
    "twice": {"tiers.1.code": "bronze"},
    "lower": {"tiers.1.code": "Silver"},
    "many": {"tiers.3.points": str(2**31)},
}


@pytest.mark.parametrize("crossed", CROSSED)
@pytest.mark.parametrize("language", ["ar", "id"])
async def test_a_plugins_refusal_is_in_the_readers_language(gate, language, crossed):
    reader = await Browser(gate).enter(await gate.user("admin"))
    likes = {"locale": language, "timezone": "Asia/Jakarta", "mode": "system"}
    await reader.post("/app/account/likes/", likes, page="/app/account/")
    answer = await reader.post(LOYALTY, loyalty(**CROSSED[crossed]))
    assert answer.status_code == 400
    notice = NOTICE.findall(answer.text)[0]
    assert notice
    assert not re.search(r"\b(tiers?|than|code|points?|lower)\b", notice), notice


def choices(*entries: tuple[str, str], **more: str) -> dict[str, str]:
    form = {}
    for place, (code, label) in enumerate(entries):
        form |= {f"code.{place}": code, f"label.{place}": label, f"place.{place}": str(place + 1)}
    return form | more


async def test_choices_are_added_renamed_put_in_order_and_retired(gate, browser):
    known = [(c.code, c.label) for c in gate.world.tenant().dictionary("customers.types")]
    form = choices(*known, ("", "Public Body"))
    form["label.0"], form["retired.0"] = "Person", "1"
    saved = await browser.post(TYPES, form)
    assert saved.status_code == 303, saved.text
    found = gate.world.tenant().dictionary("customers.types")
    assert (found[0].label, found[0].retired) == ("Person", True)
    assert (found[-1].code, found[-1].label) == ("public_body", "Public Body")
    stepped = choices(*((c.code, c.label) for c in found), up="public_body")
    assert (await browser.post(TYPES, stepped)).status_code == 303
    codes = [c.code for c in gate.world.tenant().dictionary("customers.types")]
    assert codes[-2] == "public_body"


async def test_a_retired_choice_is_no_longer_offered(gate, browser):
    known = [(c.code, c.label) for c in gate.world.tenant().dictionary("customers.types")]
    saved = await browser.post(TYPES, choices(*known, **{"retired.1": "1"}))
    assert saved.status_code == 303
    text = (await browser.get("/app/customers/new/")).text
    offered = text[text.index('name="type"') :].partition("</select>")[0]
    assert f'value="{known[0][0]}"' in offered
    assert f'value="{known[1][0]}"' not in offered


async def test_codes_cannot_vanish_and_mistakes_are_reported(gate, browser):
    before = gate.world.tenant().dictionary("customers.types")
    short = await browser.post(TYPES, choices(("public_body", "Alone")))
    assert short.status_code == 400
    assert "Codes stay" in short.text
    same = [(c.code, c.label) for c in before]
    twice = await browser.post(TYPES, choices(*same, ("one", "One"), ("one", "Two")))
    assert "stands twice" in twice.text
    nameless = await browser.post(TYPES, choices((same[0][0], ""), *same[1:]))
    assert "needs a word" in nameless.text
    assert gate.world.tenant().dictionary("customers.types") == before


async def test_branding_is_checked_previewed_and_saved(gate, browser):
    faint = {"primary": "#ffff00", "primary_own": "1", "font": "system"}
    refused = await browser.post(LOOK, faint)
    assert refused.status_code == 400
    assert "more contrast" in refused.text
    assert stored(gate, "branding") is None
    wanted = {"name": "Acme Ltd", "primary": "#7a1fa2", "primary_own": "1", "font": "serif"}
    seen = await browser.post(LOOK, {**wanted, "then": "preview"})
    assert "/app/branding/preview/?primary=%237a1fa2" in seen.text
    assert stored(gate, "branding") is None
    sheet = await browser.get("/app/branding/preview/?primary=%237a1fa2&font=serif")
    assert "#7a1fa2" in sheet.text
    assert sheet.headers["content-type"].startswith("text/css")
    bad = await browser.get("/app/branding/preview/?primary=red%3B%7D&font=serif")
    assert bad.status_code == 404
    saved = await browser.post(LOOK, wanted)
    assert saved.status_code == 303, saved.text
    assert "Acme Ltd" in (await browser.get("/app/")).text
    reset = await browser.post(f"{LOOK}reset/", page=LOOK)
    assert reset.status_code == 303
    assert "Acme Ltd" not in (await browser.get("/app/")).text


async def test_a_logo_is_a_picture(gate, browser):
    token = await browser.token(LOOK)
    own = {"origin": browser.origin, "sec-fetch-site": "same-origin"}

    async def send(content: bytes) -> Any:
        return await browser.client.post(
            LOOK,
            data={"_csrf": token, "font": "system", "name": ""},
            files={"logo": ("logo.png", content, "image/png")},
            headers=own,
        )

    assert (await send(b"<svg onload=alert(1)>")).status_code == 400
    assert (await send(PIXEL)).status_code == 303
    assert stored(gate, "branding")["logo"].startswith("data:image/png;base64,")


async def test_who_may_not_sees_and_changes_nothing(gate):
    staff = await Browser(gate).enter(await gate.user("staff"))
    before = gate.world.tenant().overlay
    for path in ("/app/settings/", LOYALTY, "/app/dictionaries/", TYPES, LOOK, f"{LOOK}preview/"):
        assert (await staff.get(path)).status_code == 403, path
    for path in (LOYALTY, f"{LOYALTY}reset/", TYPES, LOOK, f"{LOOK}reset/"):
        refused = await staff.post(path, {"setting": "spent"}, page="/app/account/")
        assert refused.status_code == 403, path
    assert gate.world.tenant().overlay == before


async def test_settings_are_called_something_in_every_language(gate):
    """The names of a plugin's settings and their choices reach the catalogues."""
    for locale, words in (
        ("id", ("Di bawah nol", "Bulan hingga kedaluwarsa", "Ambil yang ada")),
        ("ar", ("تحت الصفر", "أشهر حتى الانتهاء", "خذ الموجود")),
    ):
        reader = await Browser(gate).enter(await gate.user("admin"))
        likes = {"locale": locale, "timezone": "Asia/Jakarta", "mode": "system"}
        await reader.post("/app/account/likes/", likes, page="/app/account/")
        text = (await reader.get(LOYALTY)).text
        for word in words:
            assert word in text, word
        for word in ("Below zero", "Expiry months", "Clamp", "Reject"):
            assert word not in text, word
