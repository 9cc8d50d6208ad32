"""Lists in a real browser: found while one types, filtered by keyboard, changed in place."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from core.testing.probes import Stage, person
from tests.e2e.browser.visiting import MEASURE, Site, quiet_tab

LIST = "/app/customers/"
TOWN = "Wonosobo"
NAMES = ("Lastri Ayu", "Lastri Budi", "Mawar Citra")


@pytest.fixture(scope="module")
async def planted(stage: Stage) -> Stage:
    """Three customers of a town of their own."""
    staff = await stage.world.person("staff")
    for place, name in enumerate(NAMES):
        body = {"name": name, "email": f"list{place}@browser.example", "city": TOWN}
        answer = await stage.world.ask(staff, "POST", "/api/customers/", body)
        assert answer.status_code == 201, answer.text
    return stage


@pytest.fixture
async def tab(chromium: Browser, site: Site, planted: Stage) -> AsyncIterator[Page]:
    """A tab in which an administrator is signed in; its scripts say nothing wrong."""
    context = await site.enter(chromium, planted, await person(planted, "admin"))
    async for page in quiet_tab(context):
        yield page


async def test_search_follows_typing_and_the_way_back(tab: Page) -> None:
    """State in the address: back restores what was seen before."""
    await tab.goto(f"{LIST}?city={TOWN}&ordering=name")
    rows = tab.locator("tbody tr")
    await expect(rows).to_have_count(3)
    search = tab.locator("[data-search]")
    await search.press_sequentially("lastri", delay=30)
    await expect(rows).to_have_count(2)
    await expect(tab).to_have_url(
        f"{tab.url.split('?')[0]}?city={TOWN}&search=lastri&ordering=name"
    )
    await expect(search).to_be_focused()
    await tab.go_back()
    await expect(rows).to_have_count(3)
    await expect(tab.locator("[data-search]")).to_have_value("")


async def test_filter_is_built_by_keyboard_alone(tab: Page) -> None:
    await tab.goto(LIST)
    await tab.locator(".list-tools > a").first.focus()
    await tab.keyboard.press("Enter")
    field = tab.locator("[name='f0.0']")
    await field.focus()
    await tab.keyboard.type("City")
    await tab.keyboard.press("Tab")
    value = tab.locator("[name='v0.0']")
    await value.focus()
    await tab.keyboard.type(TOWN)
    await tab.keyboard.press("Enter")
    await expect(tab.locator(".chip")).to_contain_text(f"City is {TOWN}")
    await expect(tab.locator("tbody tr")).to_have_count(3)


async def test_chosen_rows_are_changed_and_put_back(tab: Page) -> None:
    """Ruling 18: result and undo; what is in sight and can be taken back needs no question."""
    await tab.goto(f"{LIST}?city={TOWN}&ordering=name")
    await tab.locator("[data-select-all]").check()
    await tab.get_by_role("button", name="Deactivate Selected").click()
    await expect(tab.locator(".toast")).to_contain_text("3 customers updated")
    await expect(tab.locator("tbody .badge", has_text="Inactive")).to_have_count(3)
    await tab.locator(".toast").get_by_role("button", name="Undo").click()
    await expect(tab.locator("tbody .badge", has_text="Inactive")).to_have_count(0)


async def test_cell_is_changed_where_it_stands(tab: Page, stage: Stage) -> None:
    """What no longer meets the filter leaves the list."""
    for name in ("Cepu Cinta", "Cepu Dara"):
        await stage.world.plant("customers.customer", name=name, city="Cepu")
    await tab.goto(f"{LIST}?city=Cepu&ordering=name&columns=name,city")
    row = tab.locator("tbody tr").first
    await row.hover()
    await row.locator(".cell-pencil").click()
    box = row.locator("[name=city]")
    await expect(box).to_be_focused()
    await box.fill("Temanggung")
    await box.press("Enter")
    await expect(tab.locator("tbody tr")).to_have_count(1)


async def test_columns_are_chosen_without_losing_the_filter(tab: Page) -> None:
    await tab.goto(f"{LIST}?city={TOWN}")
    await tab.locator(".list-tools > a").nth(1).click()
    step = tab.locator("#step")
    await step.get_by_label("E-mail", exact=True).check()
    await step.get_by_role("button", name="Save").click()
    await expect(tab.locator("thead")).to_contain_text("E-mail")
    await expect(tab.locator(".chip")).to_contain_text(TOWN)


WIDEST = {
    "contacts": {
        "name": "Maximiliana Wulandari Kusumaningrum",
        "position": "Head of regional purchasing and logistics",
        "email": "maximiliana.wulandari@a-very-long-domain.example",
        "phone": "+6281234567890",
    },
    "companies": {
        "name": "PT Perusahaan Perdagangan Nusantara Sejahtera",
        "city": "Kabupaten Administrasi Kepulauan Seribu",
        "email": "purchasing.department@a-very-long-domain.example",
        "phone": "+6281234567890",
    },
}
# Whether an element can be seen and pressed where it stands.
ON_TOP = """(one) => {
  const { left, top, width, height } = one.getBoundingClientRect();
  const there = document.elementFromPoint(left + width / 2, top + height / 2);
  return Boolean(there) && one.contains(there);
}"""


@pytest.mark.parametrize("width", [1280, 1024, 768, 360])
@pytest.mark.parametrize("locale", ["en", "ar"])
@pytest.mark.parametrize("resource", WIDEST)
async def test_actions_of_a_row_are_reached_without_scrolling_sideways(
    chromium: Browser, site: Site, planted: Stage, resource: str, locale: str, width: int
) -> None:
    """Nothing that is done with a row lies beyond the edge, however long its values are."""
    entity = {"contacts": "customers.contact", "companies": "customers.company"}[resource]
    await planted.world.plant(entity, **WIDEST[resource])
    size = {"width": width, "height": 900}
    who = await person(planted, "admin")
    context = await site.enter(chromium, planted, who, locale, viewport=size)
    async for page in quiet_tab(context):
        await page.goto(f"/app/{resource}/?search={WIDEST[resource]['name'].split()[0]}")
        actions = page.locator('tbody tr:first-child [data-kind="actions"]')
        shown = actions.locator(".menu-item, .btn").filter(visible=True)
        assert await shown.count() > 0
        for one in await shown.all():
            assert await one.evaluate(ON_TOP), await one.get_attribute("aria-label")
        assert await page.evaluate(MEASURE) == []
