"""The story of a customer end to end: by forms alone without scripts, and by the keyboard alone."""

import re
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from playwright.async_api import Browser, Page, expect

from core.testing.probes import Stage
from tests.e2e.browser.clerks import PASSWORD, enter, hire
from tests.e2e.browser.visiting import Site

RECORD = re.compile(r"/app/customers/[0-9a-f-]{36}/$")


@pytest.fixture
async def clerk(stage: Stage) -> str:
    """A member of the staff with a password; the e-mail address."""
    return await hire(stage.world)


@pytest.fixture
async def plain(chromium: Browser, site: Site) -> AsyncIterator[Page]:
    """A tab that runs no script."""
    context = await site.stranger(chromium, java_script_enabled=False)
    yield await context.new_page()
    await context.close()


async def _submit(page: Page, near: str) -> None:
    await page.locator(f"form:has({near}) [type=submit]:not([name])").first.click()


async def test_a_customer_is_saved_without_scripts(plain: Page, site: Site, clerk: str) -> None:
    """TST-02, HIS: sign in, make a customer, change it, give it points, read what happened."""
    page, origin = plain, site.origin()
    await page.goto(f"{origin}/app/customers/")
    await enter(page, clerk)
    await expect(page).to_have_url(f"{origin}/app/customers/")
    await page.goto(f"{origin}/app/customers/new/")
    await page.fill("[name=name]", "Wulan Story")
    await page.fill("[name=email]", f"wulan-{UUID(int=7)}@story.example")
    await page.press("[name=name]", "Enter")
    await expect(page).to_have_url(RECORD)
    record = page.url
    await page.goto(f"{record}edit/")
    await page.fill("[name=city]", "Bandung")
    await _submit(page, "[name=city]")
    await expect(page).to_have_url(record)
    await expect(page.locator("main")).to_contain_text("Bandung")
    await page.goto(f"{record}do/update_points/")
    await page.fill("[name=points]", "120")
    await page.fill("[name=reason]", "Welcome")
    await _submit(page, "[name=points]")
    await page.goto(f"{record}history/")
    main = page.locator("main")
    for words in ("Bandung", "City", "Points"):
        await expect(main).to_contain_text(words)


async def test_a_customer_is_searched_and_changed_by_the_keyboard(
    chromium: Browser, site: Site, stage: Stage, clerk: str
) -> None:
    """ui.md: the palette is the centre, and every form can be reached and sent without a mouse."""
    id = await stage.world.plant("customers.customer", name="Keyboard Kartika")
    context = await site.stranger(chromium)
    page = await context.new_page()
    await page.goto(f"{site.origin()}/app/customers/")
    keys = page.keyboard
    await page.focus("[name=email]")
    await keys.type(clerk)
    await page.focus("[name=password]")
    await keys.type(PASSWORD)
    await keys.press("Enter")
    await page.wait_for_url(f"{site.origin()}/app/customers/")
    await keys.press("Control+k")
    await keys.type("Keyboard Kart")
    await page.locator(f"#palette a[href='/app/customers/{id}/']").wait_for()
    await keys.press("Enter")
    await page.wait_for_url(re.compile(f"/app/customers/{id}/"))
    await page.locator("body").press("e")
    await page.wait_for_url(re.compile(f"/app/customers/{id}/edit/"))
    await page.focus("[name=city]")
    await keys.press("Control+a")
    await keys.type("Malang")
    await keys.press("Enter")
    await page.wait_for_url(re.compile(f"/app/customers/{id}/$"))
    await expect(page.locator("main")).to_contain_text("Malang")
    await context.close()
